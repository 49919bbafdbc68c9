#!/usr/bin/env bash
# Makes this folder ready to use. Written for bash 3.2, which is what macOS has.
set -u
CDPATH="" cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

usage="usage: bash setup.sh [demo | test [pytest arguments] | --help]"
venv=.venv
python=$venv/bin/python
unfinished=$venv/unfinished    # exists while the virtual environment is being made
unreachable=$venv/unreachable  # exists if the flower photos could not be fetched last time

print_help() {
  cat <<END
$usage

  bash setup.sh         makes .venv, installs the packages and fetches the flower photos (229 MB) into tf_files/;
                        if they cannot be reached, it draws flowers instead
  bash setup.sh demo    makes .venv, draws flowers, trains on them and labels one; downloads only packages
  bash setup.sh test    makes .venv, installs what the tests need and runs them; passes arguments on to pytest

Finished steps are skipped and interrupted ones resumed. Nothing outside this folder is changed.
PYTHON=python3.12 bash setup.sh   makes .venv with a Python other than python3
END
}

fail() {
  echo "error: $*" >&2
  exit 1
}

# Prints a Python's version, as in 3.12, or nothing if it does not run.
version_of() {
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

supported() {
  case $1 in 3.10 | 3.11 | 3.12 | 3.13) return 0 ;; *) return 1 ;; esac
}

make_venv() {
  local base=${PYTHON:-python3} wanted found
  found=$(version_of $python)
  if [ -n "$found" ] && [ ! -e $unfinished ]; then
    supported "$found" || fail ".venv has Python $found, expected 3.10 to 3.13: delete .venv and run this again"
    if [ -n "${PYTHON:-}" ]; then
      wanted=$(version_of "$PYTHON")
      [ "$wanted" = "$found" ] ||
        fail ".venv has Python $found but PYTHON=$PYTHON is ${wanted:-not a Python}: delete .venv and run this again"
    fi
    version=$found
    return
  fi
  command -v "$base" >/dev/null 2>&1 ||
    fail "$base was not found, expected Python 3.10 to 3.13: install it, or name one as in PYTHON=python3.12 bash setup.sh"
  version=$(version_of "$base")
  supported "$version" ||
    fail "$base is Python ${version:-of an unknown version}, expected 3.10 to 3.13:" \
      "install one of those, or name one as in PYTHON=python3.12 bash setup.sh"
  "$base" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "$base lacks its venv or ensurepip module: install it (Debian, Ubuntu: sudo apt install python$version-venv)"
  [ ! -e $venv ] || echo "making a new .venv: the old one is unfinished or does not work"
  rm -rf $venv || fail "cannot delete the unfinished .venv: delete it yourself, then run this again"
  echo "making .venv with Python $version"
  mkdir $venv && : >$unfinished && "$base" -m venv $venv && rm $unfinished ||
    fail "$base could not make .venv (see above): fix that and run this again"
}

# install_packages NAME: installs requirements/NAME.txt, unless that same list is installed already.
install_packages() {
  local stamp=$venv/installed-$1 key quiet=--quiet
  key="Python $version, $(cat requirements/$1.txt requirements/constraints.txt | cksum)"
  [ "$(cat $stamp 2>/dev/null)" != "$key" ] || return 0
  echo "installing the packages in requirements/$1.txt (minutes, the first time)"
  [ ! -t 1 ] || quiet=
  $python -m pip install $quiet --disable-pip-version-check -r requirements/$1.txt ||
    fail "could not install the packages in requirements/$1.txt (see above): run this again to continue"
  echo "$key" >$stamp
}

draw_flowers() {
  [ -d tf_files/drawn_flowers ] || $python -m scripts.fetch drawn_flowers || exit 1
}

# Succeeds if the flower photos are here in the end.
fetch_flower_photos() {
  local patience=10 status
  [ ! -d tf_files/flower_photos ] || return 0
  # A server that did not answer last time gets little time now, so that setting up again is quick.
  if [ -e $unreachable ] && [ ! -e tf_files/flower_photos.tgz.part ]; then
    patience=0.7
  fi
  rm -f $unreachable
  $python -m scripts.fetch flower_photos --patience=$patience
  status=$?
  [ $status -ne 130 ] || exit 130 # stopped with Ctrl-C
  [ $status -eq 0 ] || : >$unreachable
  return $status
}

set_up() {
  local photos=''
  if ! fetch_flower_photos; then
    draw_flowers
    photos=' --image_dir=tf_files/drawn_flowers'
    echo "The real flower photos cannot be reached, so tf_files/drawn_flowers stands in. To fetch them later:"
    echo "  $python -m scripts.fetch flower_photos"
  fi
  echo "Ready. Next:"
  echo "  source .venv/bin/activate"
  echo "  python -m scripts.retrain$photos --architecture=efficientnet_lite0"
  echo "  python -m scripts.label_image --image=some.jpg"
}

demo() {
  local photo
  echo "The demo draws flowers, trains a classifier on them, and labels one of them."
  draw_flowers
  $python -m scripts.retrain --image_dir=tf_files/drawn_flowers --architecture=efficientnet_lite0 || exit 1
  photo=$(find tf_files/drawn_flowers -mindepth 2 -type f | sort | head -n 1)
  echo "labelling $photo:"
  $python -m scripts.label_image --graph=tf_files/retrained_graph.pb --image="$photo" || exit 1
  echo "It works. Next:"
  echo "  source .venv/bin/activate"
  echo "  python -m scripts.evaluate --report=tf_files/report.html          how good it is, as a page"
  echo "  python -m scripts.retrain --image_dir=FOLDER --architecture=efficientnet_lite0"
  echo "                                                                    the same with your photos"
}

case ${1-} in
  '' | demo)
    [ $# -le 1 ] || fail "unexpected argument '$2'; $usage"
    make_venv
    install_packages core
    if [ -z "${1-}" ]; then set_up; else demo; fi
    ;;
  test)
    shift
    make_venv
    install_packages core
    install_packages onnx
    install_packages networks
    install_packages keras_hub # nothing on Python 3.10, which it does not support
    install_packages notebook
    install_packages serve
    install_packages cluster
    install_packages test
    # Tests work on small matrices, for which a second thread of NumPy's waits more than it helps: the workers share the
    # cores already.
    export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
    # All tests of a file run in the same process, so that they can share what is slow to make; tests/support/order.py
    # sets the order of files.
    exec $python -m pytest -n 2 --dist loadfile --no-loadscope-reorder ${1+"$@"}
    ;;
  -h | --help | help) print_help ;;
  *) fail "unknown argument '$1'; $usage" ;;
esac
