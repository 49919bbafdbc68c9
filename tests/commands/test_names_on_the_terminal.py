"""Names and labels that a terminal or a spreadsheet would obey."""

import csv
import io
import json
import shutil

from tests.support.workplace import draw_shape

# Clears the screen, fakes a line, and reads backwards.
NASTY = "a\x1b[2Jb\nerror: c\x9bd\u202ee"
SHOWN = r"a\x1b[2Jb\nerror: c\x9bd\u202ee"


def no_orders(printed: str) -> bool:
    return all(letter.isprintable() or letter == "\n" for letter in printed)


def test_escapes_in_names_and_labels_are_shown_not_obeyed(retrained, tmp_path):
    photo = tmp_path / f"{NASTY}.png"
    draw_shape("red", 5).save(photo)
    shutil.copy(photo, tmp_path / "plain.png")
    (tmp_path / f"{NASTY}.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    labels = tmp_path / "labels.txt"
    labels.write_text("blue\x1b]0;title\x07\ngreen\nred\x1b[31m\u3000花\n", "utf-8")
    flags = [f"--image={tmp_path}/*.*g", f"--labels={labels}"]
    done = retrained.label(*flags)
    assert no_orders(done.stdout.replace("\u3000", "")) and no_orders(done.stderr)
    assert rf"{tmp_path}/{SHOWN}.png" in done.stdout.splitlines() and "red\\x1b[31m\u3000花 (score=" in done.stdout
    assert done.stderr.startswith(rf"error: {tmp_path}/{SHOWN}.jpg: ") and done.stderr.count("\n") == 1
    in_json = retrained.label(*flags, "--json").stdout
    assert no_orders(in_json.replace("\u3000", ""))
    answers = [json.loads(line) for line in in_json.splitlines()]
    assert {answer["image"] for answer in answers} == {str(photo), f"{tmp_path}/plain.png"}
    assert answers[0]["labels"][0]["label"] == "red\x1b[31m\u3000花"
    wrong = retrained.label(f"--image={tmp_path / NASTY}.gif")
    assert wrong.returncode == 1 and wrong.stderr.count("\n") == 1 and no_orders(wrong.stderr)
    shown = retrained.run("show_image", photo)
    assert no_orders(shown.stdout) and SHOWN in shown.stdout


def test_csv_holds_no_formulas(retrained, tmp_path):
    draw_shape("red", 5).save(tmp_path / "a.png")
    labels = tmp_path / "labels.txt"
    labels.write_text("=1+1\n@sum, \x1b\n+-plain\n")
    printed = retrained.label(f"--image={tmp_path / 'a.png'}", f"--labels={labels}", "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert {row["label"] for row in rows} == {"'=1+1", r"'@sum, \x1b", "'+-plain"}
    assert all(0 <= float(row["score"]) <= 1 and row["image"].startswith("/") for row in rows)


def test_the_list_of_skipped_files_has_a_line_a_file(workplace, photos):
    (photos / "red" / f"{NASTY}\t.jpg").write_bytes(b"nothing")
    done = workplace.retrain(photos)
    assert done.returncode == 0 and no_orders(done.stdout) and no_orders(done.stderr)
    (line,) = (workplace / "skipped_images.txt").read_text().splitlines()
    path, _reason = line.split("\t")
    assert path == rf"{photos}/red/{SHOWN}\t.jpg"
