"""Command lines are parsed as absl does; errors name the flag and the expected value; paths may begin with ~."""

import importlib.util
import math
import shlex
from pathlib import Path

import pytest
from absl import flags as absl_flags

from scripts.console.path_kinds import PHOTOS, PICTURES, expand_all
from tests.support.workplace import ROOT

# absl and our flags agree on these; in REFUSED, the error must name the word beside the line.
UNDERSTOOD = [
    "", "a.jpg b.jpg", "--json", "--nojson", "--json=true", "--json=F", "--json=1", "--json false", "-json", "-nojson",
    "--top_k=3", "--top_k 3", "-top_k=3", "-top_k 3", "--top_k=0x10", "--top_k=0o17", "--top_k=1_0", "--top_k=' 7 '",
    "--top_k=2 --top_k=4", "--mean=-1.5", "--mean -1.5", "--mean=1e3", "--mean=inf", "--mean=nan", "--share=0.5",
    "--image=a --image b c", "--image=a,b", "--graph= x", "--graph --json", "--graph=a=b", "--graph 'with blank'",
    "a --json b --top_k=2 c", "--json -- --top_k=2 a", "-- -- a", "- a --json", "--=3 a", "a.jpg --", "--kind=int8",
    "--nojson --json", "--image=a --json --image=b --nojson", "--units=3,4", "--units= --json", "--units '3, 4'",
]  # fmt: skip
REFUSED = [
    ("--top_k=0", "top_k"), ("--top_k=101", "top_k"), ("--top_k=three", "top_k=three"), ("--top_k=1.5", "top_k=1.5"),
    ("--top_k=", "top_k"), ("--top_k", "top_k"), ("a --top_k", "top_k"), ("--mean=abc", "mean=abc"),
    ("--mean=", "mean"), ("--share=-0.1", "share"), ("--share=1.5", "share"), ("--json=maybe", "json=maybe"),
    ("--json=", "json"), ("--nojson=1", "--nojson=1"), ("--kind=int9", "none"), ("--jsn", "jsn"),
    ("--no", "no"), ("--nograph", "nograph"), ("--gra=z", "gra"), ("--JSON", "JSON"), ("-5", "5"),
    ("---json", "-json"), ("--what --top_k=0", "top_k"), ("--first --second", "first"), ("--graph", "graph"),
]  # fmt: skip


NAMES = ["image", "graph", "top_k", "mean", "share", "json", "kind", "units"]


def define(flags, **where) -> None:
    if flags is absl_flags:
        flags.DEFINE_multi_string("image", [], "Pictures.", **where)
    else:
        flags.DEFINE_multi_path("image", [], "Pictures.", PICTURES)
    flags.DEFINE_string("graph", "a.pb", "The graph.", **where)
    flags.DEFINE_integer("top_k", 5, "Number of labels.", 1, 100, **where)
    flags.DEFINE_float("mean", None, "The mean.", **where)
    flags.DEFINE_float("share", 0.25, "A share.", 0, 1, **where)
    flags.DEFINE_bool("json", False, "JSON.", **where)
    flags.DEFINE_enum("kind", "none", ["none", "int8"], "The kind.", **where)
    flags.DEFINE_list("units", [], "Units.", **where)


def with_absl(words: list[str]) -> tuple[dict, list[str]]:
    values = absl_flags.FlagValues()
    define(absl_flags, flag_values=values)
    others = values(["program", *words])[1:]
    return {name: values[name].value for name in NAMES}, others


def ours():
    """A copy of the module, with separate flags."""
    place = ROOT / "scripts" / "console" / "flags.py"
    spec = importlib.util.spec_from_file_location("scripts.console.flags_of_a_test", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def flags():
    module = ours()
    define(module)
    return module


def refusal(flags, *words: str) -> str:
    with pytest.raises(flags.Error) as error:
        flags.FLAGS(words)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("line", UNDERSTOOD)
def test_absl_understands_the_same(flags, line):
    words = shlex.split(line)
    (values, others), our_others = with_absl(words), flags.FLAGS(words)
    assert our_others == others
    for name in NAMES:
        both = values[name], getattr(flags.FLAGS, name)
        assert type(both[0]) is type(both[1])
        assert both[0] == both[1] or all(math.isnan(each) for each in both), name


@pytest.mark.parametrize(("line", "named"), REFUSED)
def test_absl_refuses_the_same(flags, line, named):
    words = shlex.split(line)
    with pytest.raises((absl_flags.Error, ValueError)):
        with_absl(words)
    assert named in refusal(flags, *words)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--top_k=0", "--top_k=0: expected a whole number from 1 to 100"),
        ("--mean=abc", "--mean=abc: expected a number"),
        ("--mean=", "--mean is empty: expected a number, as in --mean=0.5"),
        ("--top_k", "--top_k needs a value, as in --top_k=5"),
        ("--kind=int9", "--kind=int9: expected none or int8"),
        ("--json=maybe", "--json=maybe: expected true or false"),
        ("--nojson=1", "--nojson=1: --nojson takes no value"),
        ("--image=", "--image is empty: expected pictures, folders or patterns, as in --image=some.jpg"),
        ("--jsn", "there is no flag --jsn. Did you mean --json?"),
        ("--topk=3", "there is no flag --topk. Did you mean --top_k?"),
        ("--nojsn", "there is no flag --nojsn. Did you mean --nojson?"),
        ("--hlp", "there is no flag --hlp. Did you mean --help?"),
        ("--wibble", "there is no flag --wibble. Run with --help for the list of flags"),
    ],
)
def test_a_refusal_says_what_was_found_what_was_expected_and_what_to_do(flags, words, says):
    assert refusal(flags, words) == says


def test_values_are_there_before_and_after_parsing(flags):
    assert flags.FLAGS.top_k == 5 and not flags.FLAGS["top_k"].present
    flags.FLAGS(["--top_k=7"])
    assert flags.FLAGS.top_k == 7 and flags.FLAGS["top_k"].present
    assert "top_k" in flags.FLAGS and "topk" not in flags.FLAGS
    with pytest.raises(AttributeError):
        _ = flags.FLAGS.topk


def test_a_flag_is_defined_only_once(flags):
    with pytest.raises(ValueError, match="--json is defined twice"):
        flags.DEFINE_bool("json", False, "Again.")


def test_a_tilde_means_the_home_folder(flags, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", "/home/rosa")
    flags.DEFINE_path("photos", None, "Photos.", PHOTOS)
    for word, path in [
        ("~/photos", "/home/rosa/photos"),
        ("~", "/home/rosa"),
        ("photos/~", "photos/~"),
        ("gs://bucket/~/photos", "gs://bucket/~/photos"),
        ("https://host/~rosa/photos", "https://host/~rosa/photos"),
        ("out/", "out/"),
    ]:
        flags.FLAGS([f"--photos={word}"])
        assert path == flags.FLAGS.photos
    flags.FLAGS(["--image=~/a.jpg,b.jpg,~/c"])
    assert flags.FLAGS.image == ["/home/rosa/a.jpg,b.jpg,/home/rosa/c"]
    monkeypatch.chdir(tmp_path)
    Path("a,~").touch()
    assert expand_all("a,~") == "a,~"  # a file has this name


def test_a_tilde_means_the_home_folder_on_every_command(workplace, tmp_path):
    home = {"HOME": str(tmp_path)}
    for command, word in [
        ("label_image", "--graph=~/none.pb"),
        ("label_image", "~/none.jpg"),
        ("count_ops", "~/none.pb"),
        ("show_image", "~/none.jpg"),
        ("evaluate", "--graph=~/none.pb"),
        ("quantize_graph", "--input=~/none.pb"),
        ("retrain", "--image_dir=~/none"),
        ("retrain", "--architecture=~/none.pb"),
        ("train_cnn", "--image_dir=~/none"),
        ("plot_training", "--record=~/none.json"),
        ("graph_pb2tb", "~/none.pb"),
    ]:
        words = [word, str(ROOT / "setup.sh")] if word.startswith("--graph") and command == "label_image" else [word]
        done = workplace.run(command, *words, env=home)
        assert done.returncode == 1 and f"{tmp_path}/none" in done.stderr, (command, done.stderr)
        assert done.stderr.count("\n") == 1


def test_the_home_folder_of_nobody_is_a_missing_file(workplace):
    for command, word in [
        ("label_image", "~of-nobody/none.jpg"),
        ("retrain", "--image_dir=~of-nobody/none"),
        ("retrain", "--architecture=~of-nobody/none.pb"),
    ]:
        done = workplace.run(command, word)
        assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
        assert "~of-nobody/none" in done.stderr


def test_a_stray_path_is_answered_with_the_flag_it_belongs_to(workplace, tmp_path):
    for command, word, flag in [
        ("retrain", tmp_path, "image_dir"),
        ("evaluate", tmp_path, "image_dir"),
        ("serve", ROOT / "setup.sh", "graph"),
    ]:
        done = workplace.run(command, word)
        assert done.stderr == f"error: unexpected argument {str(word)!r}: did you mean --{flag}={word}?\n"


@pytest.mark.parametrize(
    ("command", "word", "says"),
    [
        ("label_image", "--image=", "--image is empty: expected pictures, folders or patterns"),
        ("label_image", "--image=,", "--image=,: expected pictures"),
        ("label_image", "", "an argument is empty"),
        ("retrain", "--image_dir=", "--image_dir is empty: expected a folder of photos, as in --image_dir=my_photos"),
        ("train_cnn", "--image_dir=", "--image_dir is empty: expected a folder of photos"),
        (
            "evaluate",
            "--graph=",
            "--graph is empty: expected a classifier's file, as in --graph=tf_files/retrained_graph.pb",
        ),
        ("show_image", "", "an argument is empty"),
        ("label_image", "--nojson=1", "--nojson=1: --nojson takes no value"),
    ],
)
def test_empty_values_are_refused_in_one_line(workplace, command, word, says):
    done = workplace.run(command, word)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"error: {says}") and done.stderr.count("\n") == 1
