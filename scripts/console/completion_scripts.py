"""Scripts that make a shell complete Poets' command lines.

Everything they offer is written into them, because Tab must not wait for Python to start.
"""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..classifier import invocation


@dataclass(frozen=True)
class Flag:
    name: str
    boolean: bool
    values: tuple[str, ...]  # to choose from; empty if anything goes
    is_path: bool


@dataclass(frozen=True)
class Command:
    name: str
    summary: str
    flags: Sequence[Flag]
    words: tuple[str, ...]  # to choose from besides the flags; empty if files are expected


# In both shells `_poets_flags COMMAND` prints the flags, and `_poets_values COMMAND[--FLAG]` the values to choose from:
# nothing if any value will do, such as a number. It fails if files are expected.
_LISTS = r"""_poets_flags() {
  case $1 in
%(flags)s
  esac
}

_poets_values() {
  case $1 in
%(values)s
  *) return 1 ;;
  esac
}
"""

_BASH = r"""# Completes Poets' command lines in bash.
%(lists)s
_poets() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command flag= values
  COMPREPLY=()
  if [ %(at)s = 2 ] && { [ "${COMP_WORDS[1]}" != -m ] || [ "$COMP_CWORD" -lt 2 ]; }; then return; fi
  if [ "$COMP_CWORD" -eq %(at)s ]; then
    COMPREPLY=($(compgen -W "%(names)s" -- "$word"))
    return
  fi
  command=${COMP_WORDS[%(at)s]#%(prefix)s}
  # Bash takes --flag=value for three words.
  if [ "$word" = = ]; then
    flag=$before word=
  elif [ "$before" = = ]; then
    flag=${COMP_WORDS[COMP_CWORD - 2]}
  elif [ "${word#-}" != "$word" ]; then
    COMPREPLY=($(compgen -W "$(_poets_flags "$command")" -- "$word"))
    case ${COMPREPLY[0]-} in *=) compopt -o nospace 2>/dev/null ;; esac
    return
  else
    case " $(_poets_flags "$command") " in *" $before= "*) flag=$before ;; esac
  fi
  if values=$(_poets_values "$command$flag"); then
    COMPREPLY=($(compgen -W "$values" -- "$word"))
    compopt +o default +o bashdefault 2>/dev/null
  fi
}

complete -o default -o bashdefault -F _poets %(programs)s
"""

_ZSH = r"""#compdef poets
# Completes Poets' command lines in zsh.
%(lists)s
_poets() {
  local command flag values
  local -a known flags
  if [[ %(at)s == 2 && ( $words[2] != -m || $CURRENT -lt 3 ) ]]; then
    if (( $+functions[_python] )); then _python "$@"; else _default; fi
    return
  fi
  if (( CURRENT == %(at)s + 1 )); then
    known=(
%(described)s
    )
    _describe command known
    return
  fi
  command=${words[%(at)s + 1]#%(prefix)s}
  flags=($(_poets_flags $command))
  if [[ $PREFIX == --*=* ]]; then
    flag=${PREFIX%%%%=*}
    compset -P '*='
  elif [[ $PREFIX == -* ]]; then
    compadd -S '' -- ${(M)flags:#*=}
    compadd -- ${flags:#*=}
    return
  elif (( $flags[(Ie)${words[CURRENT - 1]}=] )); then
    flag=${words[CURRENT - 1]}
  fi
  if values=$(_poets_values $command$flag); then compadd -- ${=values}; else _files; fi
}

if [[ $funcstack[1] == _poets ]]; then
  _poets "$@"  # zsh has loaded this file, as _poets, from a folder of $fpath
else
  if ! whence compdef >/dev/null; then autoload -Uz compinit && compinit; fi
  compdef _poets %(programs)s
fi
"""


def bash(commands: Sequence[Command]) -> str:
    return _BASH % _filled(commands)


def zsh(commands: Sequence[Command]) -> str:
    return _ZSH % _filled(commands)


SHELLS: dict[str, Callable[[Sequence[Command]], str]] = {"bash": bash, "zsh": zsh}


def _filled(commands: Sequence[Command]) -> dict[str, object]:
    program, *others = invocation.command("").split()  # `poets`, or `python -m scripts.`
    prefix = others[1] if others else ""
    lists = {
        "flags": "\n".join(
            _case(command.name, [word for flag in command.flags for word in _words(flag)]) for command in commands
        ),
        "values": "\n".join(line for command in commands for line in _choices(command)),
    }
    return {
        "programs": "python python3" if prefix else program,
        "at": 2 if prefix else 1,  # the position of the command's name
        "prefix": prefix,
        "names": " ".join(prefix + command.name for command in commands),
        "described": "\n".join(f"      {shlex.quote(f'{prefix}{each.name}:{each.summary}')}" for each in commands),
        "lists": _LISTS % lists,
    }


def _words(flag: Flag) -> list[str]:
    return [f"--{flag.name}", f"--no{flag.name}"] if flag.boolean else [f"--{flag.name}="]


def _choices(command: Command) -> list[str]:
    lines = [_case(command.name, command.words)] if command.words else []
    for flag in command.flags:
        values = ("true", "false") if flag.boolean else flag.values
        if values or not flag.is_path:
            lines.append(_case(f"{command.name}--{flag.name}", values))
    return lines


def _case(pattern: str, words: Sequence[str]) -> str:
    return f"  {pattern}) {f'echo {shlex.quote(chr(32).join(words))} ' if words else ''};;"
