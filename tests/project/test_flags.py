"""The stand-in for absl's flags understands and refuses the same command lines."""

import importlib.util
import math
import shlex

import pytest
from absl import flags as absl_flags

from scripts.console import flags
from tests.support.workplace import ROOT

# Both refuse those that raise; the text must then name what is wrong.
UNDERSTOOD = [
    "", "a.jpg b.jpg", "--json", "--nojson", "--json=true", "--json=F", "--json=1", "--json false", "-json", "-nojson",
    "--top_k=3", "--top_k 3", "-top_k=3", "-top_k 3", "--top_k=0x10", "--top_k=0o17", "--top_k=1_0", "--top_k=' 7 '",
    "--top_k=2 --top_k=4", "--mean=-1.5", "--mean -1.5", "--mean=1e3", "--mean=inf", "--mean=nan", "--share=0.5",
    "--image=a --image b c", "--image=a,b", "--graph= x", "--graph --json", "--graph=a=b", "--graph 'with blank'",
    "a --json b --top_k=2 c", "--json -- --top_k=2 a", "-- -- a", "- a --json", "--=3 a", "a.jpg --", "--kind=int8",
    "--nojson --json", "--image=a --json --image= --nojson",
]  # fmt: skip
REFUSED = [
    ("--top_k=0", "top_k"), ("--top_k=101", "top_k"), ("--top_k=three", "top_k=three"), ("--top_k=1.5", "top_k=1.5"),
    ("--top_k=", "top_k="), ("--top_k", "top_k"), ("a --top_k", "top_k"), ("--mean=abc", "mean=abc"),
    ("--mean=", "mean="), ("--share=-0.1", "share"), ("--share=1.5", "share"), ("--json=maybe", "json=maybe"),
    ("--json=", "json="), ("--nojson=1", "--nojson=1"), ("--kind=int9", "none|int8"), ("--jsn", "'jsn'"),
    ("--no", "'no'"), ("--nograph", "'nograph'"), ("--gra=z", "'gra'"), ("--JSON", "'JSON'"), ("-5", "'5'"),
    ("---json", "'-json'"), ("--what --top_k=0", "top_k"), ("--first --second", "'first'"), ("--graph", "graph"),
]  # fmt: skip


def define(flags, **where) -> None:
    flags.DEFINE_multi_string("image", [], "Pictures.", **where)
    flags.DEFINE_string("graph", "a.pb", "The graph.", **where)
    flags.DEFINE_integer("top_k", 5, "How many.", 1, 100, **where)
    flags.DEFINE_float("mean", None, "The mean.", **where)
    flags.DEFINE_float("share", 0.25, "A share.", 0, 1, **where)
    flags.DEFINE_bool("json", False, "JSON.", **where)
    flags.DEFINE_enum("kind", "none", ["none", "int8"], "The kind.", **where)


NAMES = ["image", "graph", "top_k", "mean", "share", "json", "kind"]


def with_absl(words: list[str]) -> tuple[dict, list[str]]:
    values = absl_flags.FlagValues()
    define(absl_flags, flag_values=values)
    others = values(["program", *words])
    return {name: values[name].value for name in NAMES}, others


def stand_in():
    """With no flags yet."""
    spec = importlib.util.spec_from_file_location("plain_flags", ROOT / "scripts" / "console" / "plain_flags.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_stand_in(words: list[str]) -> tuple[dict, list[str]]:
    module = stand_in()
    define(module)
    others = module.FLAGS(["program", *words])
    return {name: getattr(module.FLAGS, name) for name in NAMES}, others


@pytest.mark.parametrize("line", UNDERSTOOD)
def test_both_understand_the_same(line):
    words = shlex.split(line)
    (values, others), (plain_values, plain_others) = with_absl(words), with_stand_in(words)
    assert plain_others == others
    for name in NAMES:
        both = values[name], plain_values[name]
        assert type(both[0]) is type(both[1])
        assert both[0] == both[1] or all(math.isnan(each) for each in both), name


@pytest.mark.parametrize(("line", "named"), REFUSED)
def test_both_refuse_the_same(line, named):
    words = shlex.split(line)
    with pytest.raises((absl_flags.Error, ValueError)) as error:
        with_absl(words)
    assert named in str(error.value)
    module = stand_in()
    define(module)
    with pytest.raises(module.Error) as error:
        module.FLAGS(["program", *words])
    assert named in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("typed", "meant"), [("jsn", "json"), ("gra", "graph"), ("topk", "top_k"), ("nojsn", "json")])
def test_a_slip_is_answered_with_what_was_meant(typed, meant):
    module = stand_in()
    define(module)
    with pytest.raises(module.Error, match=f"Did you mean: {meant}"):
        module.FLAGS(["program", f"--{typed}"])


def test_the_stand_in_offers_what_commands_use():
    module = stand_in()
    assert all(hasattr(module, name) for name in flags.__all__)
    assert all(getattr(flags, name) is getattr(absl_flags, name) for name in flags.__all__), "absl is installed here"
    define(module)
    (mine,) = module.FLAGS.flags_by_module_dict().values()
    assert [flag.name for flag in mine] == NAMES
    values = absl_flags.FlagValues()
    define(absl_flags, flag_values=values)
    for flag in mine:
        theirs = values[flag.name]
        assert (flag.default, flag.boolean) == (theirs.default, bool(theirs.boolean))
        assert flag.help == theirs.help.split(";\n")[0]  # behind that, absl explains flags of several values
        if flag.default not in (None, "", []):
            assert flag.default_as_str.strip("'") == theirs.default_as_str.strip("'")
    assert module.FLAGS.top_k == 5
    with pytest.raises(AttributeError):
        _ = module.FLAGS.topk


def test_a_flag_with_a_value_that_takes_none_is_one_line(workplace):
    done = workplace.run("label_image", "--nojson=1")
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
