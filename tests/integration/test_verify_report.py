# SPDX-License-Identifier: Apache-2.0
"""The page that `signet verify --html` writes, as a browser shows it.

As a program, this makes the picture in the documents:

    build/venv/bin/python tests/integration/test_verify_report.py docs/verify-report.png
"""

import hashlib
import os
import re
import shutil
import sys
import tempfile

import exchange
import pytest
import segment
from browser import Browser
from gateway import signet
from kafka import Kafka
from PIL import Image
from test_gateway_ledger import Keeper

pytestmark = pytest.mark.timeout(240)

GOOD, FINDING, USAGE, NO_ANSWER = 0, 1, 2, 3
POLICY = [{"match": "metrics*", "seal": False}, {"match": "*", "seal": True}]
BATCHES, RECORDS = 12, 5
HOSTILE = '<img src=x onerror=alert(1)>&amp;"\'\\-0'


class Scene:
    """Four topics of a broker, copied: good, bad in several ways, in no ledger, and left in clear."""

    def __init__(self, directory, kafka, topic=None):
        self.gateway = Keeper(directory / "gateway", kafka, topics=POLICY)
        with self.gateway:
            made = self.gateway.endpoint()
            self.good, self.bad, self.uncovered, self.clear = (
                (topic or made.topic)(name) for name in ("orders", "payments", "events", "metrics"))
            for topic, acks in ((self.good, "all"), (self.bad, "all"), (self.uncovered, 0), (self.clear, "all")):
                sent = exchange.plain_records(BATCHES * RECORDS)
                exchange.send(made, "librdkafka", topic, sent, batch_records=RECORDS, acks=acks,
                              idempotent=False if acks == 0 else None)
                exchange.receive(made, "librdkafka", topic, len(sent))
        self.data = str(directory / "broker-1")
        os.mkdir(self.data)
        shutil.copy(os.path.join(kafka.data(), "meta.properties"), self.data)
        for topic in (self.good, self.bad, self.uncovered, self.clear):
            source = kafka.partition(topic)
            shutil.copytree(source, os.path.join(self.data, os.path.basename(source)))
        self.damage()

    def damage(self):
        path = os.path.join(self.data, self.bad + "-0", "%020d.log" % 0)
        segment.rewrite(path, lambda found: segment.replace(
            segment.replace(found, 2, found[2].flipped(len(found[2]) // 2)), 7, segment.forge([(b"k", b"v")] * RECORDS)))

    def verify(self, *arguments, ledger=True):
        ledgers = ["--ledger", self.gateway.ledger_directory] if ledger else []
        done = signet("verify", "--config", self.gateway.config_path, *ledgers, *arguments, check=False)
        assert "Sanitizer" not in done.stderr, done.stderr
        return done


@pytest.fixture(scope="module")
def scene(tmp_path_factory, kafka):
    directory = tmp_path_factory.mktemp("reported")
    os.mkdir(directory / "gateway")
    return Scene(directory, kafka)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture(scope="module")
def report(scene, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("report") / "report.html")
    scene.done = scene.verify("--html", path, scene.data)
    assert scene.done.returncode == FINDING, scene.done
    return path


@pytest.fixture
def page(report, browser):
    return browser.open("file://" + report)


# Every run of cells, as it is drawn: the partition it is of, what it says, and a point in its middle.
RUNS = """[...document.querySelectorAll("figure")].flatMap(figure => [...figure.querySelectorAll("rect")].map(rect => {
    const box = rect.getBoundingClientRect();
    return [figure.querySelector("b").textContent, rect.querySelector("title").textContent,
            box.x + box.width / 2, box.y + box.height / 2, box.width, box.height];
}))"""
LEGEND = """Object.fromEntries([...document.querySelectorAll(".legend li")].map(item => {
    const box = item.querySelector("rect").getBoundingClientRect();
    return [item.querySelector("b").textContent, [box.x + box.width / 2, box.y + box.height / 2, box.height]];
}))"""


def runs(page, topic):
    return [run[1:] for run in page.evaluate(RUNS) if run[0] == topic + "-0"]


def at(batch):
    """The offsets of a batch as the map has them."""
    return "%d-%d" % (batch * RECORDS, batch * RECORDS + RECORDS - 1)


def test_needs_nothing_but_itself(report, page):
    assert page.requests in (["file://" + report], ["file://" + report, "data:,"]) and page.complaints == []
    assert page.evaluate("document.scripts.length") == 0
    with open(report) as file:
        text = file.read()
    assert not re.search(r"https?:|//|@import|url\(|<script|style=|\son\w+=", re.sub("<dd>.*?</dd>", "", text))


def test_policy_is_obeyed(report, page):
    """Nothing that gets into the page would run or be fetched: the browser says that it refused."""
    page.evaluate("""document.body.insertAdjacentHTML("beforeend",
        "<img src='file:///x.png' onerror='window.harm = 1'><p style='color: red' id=styled>x</p>")""")
    assert page.evaluate("getComputedStyle(styled).color") != "rgb(255, 0, 0)" and page.evaluate("window.harm") is None
    refused = " ".join(str(complaint) for complaint in page.complaints)
    for what in ("inline style", "inline event handler", "file:///x.png"):
        assert what in refused, page.complaints


def test_map(scene, page):
    """What each partition looks like: by what it says, by colour, and by height."""
    assert [run[0] for run in runs(page, scene.good)] == ["offsets 0-%d: good" % (BATCHES * RECORDS - 1)]
    assert [run[0] for run in runs(page, scene.uncovered)] == ["offsets 0-%d: not covered" % (BATCHES * RECORDS - 1)]
    assert [run[0] for run in runs(page, scene.clear)] == ["not looked into: left in clear by policy"]
    bad = runs(page, scene.bad)
    assert "offsets %s: bad" % at(2) in [run[0] for run in bad] and "offsets %s: good" % "0-9" == bad[0][0], bad
    legend, picture = page.evaluate(LEGEND), page.screenshot()
    assert len({picture.getpixel((x, y)) for x, y, _ in legend.values()} | {(255, 255, 255)}) == len(legend) + 1
    for topic in (scene.good, scene.bad, scene.uncovered, scene.clear):
        for says, x, y, width, height in runs(page, topic):
            word = says.split(": ")[1] if says.startswith("offsets") else "nothing"
            like_x, like_y, like_height = legend[word]
            assert picture.getpixel((x, y)) == picture.getpixel((like_x, like_y)), says
            assert height == pytest.approx(like_height) and width > 2
    heights = [legend[word][2] for word in ("nothing", "good", "not covered", "could not tell", "unsealed", "bad")]
    assert heights == sorted(heights) and heights[1] < heights[-1]


def test_unsealed(scene, tmp_path, browser):
    """Without a ledger, by which it is altered in its place too."""
    path = str(tmp_path / "report.html")
    assert scene.verify("--html", path, scene.data, ledger=False).returncode == FINDING
    page = browser.open("file://" + path)
    assert ["offsets %s: bad" % at(2), "offsets %s: unsealed" % at(7)] == [
        run[0] for run in runs(page, scene.bad) if "good" not in run[0]]
    assert "shows only against a ledger" in page.evaluate("document.body.innerText")


def test_light_dark_and_paper(page):
    light = page.screenshot().getpixel((2, 2))
    page.prefer("dark")
    dark = page.screenshot().getpixel((2, 2))
    page.prefer("dark", "print")
    paper = page.screenshot().getpixel((2, 2))
    assert min(light) > 240 and max(dark) < 40 and paper == light
    assert page.command("Page.printToPDF")["data"]


def test_says_everything(scene, page):
    """To a manager in a sentence, to an auditor in full, and to whoever does not see it."""
    text = page.evaluate("document.body.innerText")
    verdict = page.evaluate("document.querySelector('.verdict').textContent")
    findings = page.evaluate("""[...document.querySelectorAll("article")].map(article => [article.className,
        article.querySelector("h3").textContent, [...article.querySelectorAll("dt")].map(
            term => [term.textContent, term.nextElementSibling.textContent])])""")
    kinds = [kind for kind, *_ in findings]
    assert verdict == "Not intact: %d findings below prove that something is not as it was written, or as it was acknowledged." % kinds.count("bad")
    assert kinds == sorted(kinds, key=("bad", "unknown", "accepted", "note").index) and kinds.count("bad") >= 3
    for word in re.findall(r"^(?:\w+ ?){1,3}(?=: %s-0 offsets)" % scene.bad, scene.done.stdout, re.M):
        assert any(title.startswith(word + ": " + scene.bad) for _, title, _ in findings), word
    altered = dict(next(fields for _, title, fields in findings if title == "altered: %s-0 offsets %s" % (scene.bad, at(2))))
    assert altered["topic"] == scene.bad and altered["partition"] == "0" and altered["where"] == "offsets " + at(2)
    assert altered["what it means"] and altered["what to do"].startswith("keep copies")
    for what in ("sealed", "entered"):  # As the log has it, and as the ledger does.
        [fields] = [dict(fields) for _, title, fields in findings if title.endswith("offsets " + at(2))
                    and dict(fields)["time"].startswith(what)]
        assert fields["writer"] == scene.gateway.writer
    config = open(scene.gateway.config_path, "rb").read()
    trust = open(os.path.join(scene.gateway.directory, "trust.yaml"), "rb").read()
    for part in (hashlib.sha256(config).hexdigest(), hashlib.sha256(trust).hexdigest(), scene.data,
                 scene.gateway.ledger_directory, scene.gateway.kafka.cluster_id, "3 verified", "1 left in clear"):
        assert part in text, part
    told = page.accessible()
    assert ("heading", "Findings") in told and any(role == "RootWebArea" for role, _ in told)
    [label] = [name for role, name in told if role == "image" and "%s bad" % at(2).replace("-", " to ") in name]
    assert label.startswith("offsets 0 to %d; " % (BATCHES * RECORDS - 1))
    assert any(role == "image" and name.endswith("; all good") for role, name in told)


def test_hostile_names(scene, tmp_path, browser):
    """What others chose is text in the page, whatever it is."""
    data = shutil.copytree(scene.data, str(tmp_path / "<script>alert(1)</script>"))
    os.mkdir(os.path.join(data, HOSTILE))
    os.mkdir(os.path.join(os.fsencode(data), b"\xff\xfe\x1b[2J\xe2\x80\xae-1"))
    path = str(tmp_path / "report.html")
    assert scene.verify("--html", path, data, ledger=False).returncode == FINDING
    page = browser.open("file://" + path)
    assert page.evaluate("document.querySelectorAll('img, script, iframe, a, form, object').length") == 0
    text = page.evaluate("document.body.innerText")
    assert data in text and HOSTILE.replace("\\", "\\x5c") in text and "\\xff\\xfe\\x1b[2J\\xe2\\x80\\xae-1" in text
    assert page.complaints == [] and open(path, "rb").read().isascii()


def test_good_and_not_proven(scene, tmp_path, browser):
    good, path = os.path.join(scene.data, scene.good + "-0"), str(tmp_path / "report.html")
    assert scene.verify("--html", path, good).returncode == GOOD
    page = browser.open("file://" + path)
    assert page.evaluate("document.querySelector('.verdict.good').textContent").startswith("Intact: ")
    assert page.evaluate("document.querySelectorAll('article').length") == 0
    copy = shutil.copytree(good, str(tmp_path / os.path.basename(good)))
    os.unlink(os.path.join(copy, "partition.metadata"))
    assert scene.verify("--html", path, copy, ledger=False).returncode == NO_ANSWER
    page = browser.open("file://" + path)
    assert page.evaluate("document.querySelector('.verdict.unknown').textContent").startswith("Not proven: ")
    assert [run[0] for run in runs(page, scene.good)] == ["could not tell for all"]


def test_file(scene, tmp_path):
    """It appears whole or not at all, and never over what is no report."""
    good, path = os.path.join(scene.data, scene.good + "-0"), tmp_path / "report.html"

    def verify():
        return scene.verify("--html", path, good, ledger=False)

    path.write_text("an older one")
    assert verify().returncode == GOOD and path.read_text().startswith("<!DOCTYPE html>")
    assert os.listdir(tmp_path) == ["report.html"]
    before = path.read_bytes()
    (tmp_path / "report.html.new").write_text("left by an interrupted run")
    done = verify()
    assert done.returncode == NO_ANSWER and "remove it" in done.stderr and path.read_bytes() == before
    os.unlink(tmp_path / "report.html.new")
    os.unlink(path)
    for make in (os.mkdir, os.mkfifo, lambda path: os.symlink("elsewhere", path)):
        make(path)
        done = verify()
        assert done.returncode == NO_ANSWER and "no regular file" in done.stderr and done.stdout == ""
        (os.rmdir if os.path.isdir(path) else os.unlink)(path)
    done = scene.verify("--html", tmp_path / "nowhere" / "report.html", good, ledger=False)
    assert done.returncode == NO_ANSWER and "No such file" in done.stderr
    full = scene.verify("--html", "/dev/full", good, ledger=False)
    assert full.returncode == NO_ANSWER and os.listdir(tmp_path) == []


def make_picture(path):
    """A page of this test's scene, as a small picture."""
    import pathlib

    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        for name in ("kafka", "gateway", "browser"):
            os.mkdir(directory / name)
        with Kafka(directory / "kafka") as kafka:
            Scene(directory, kafka, kafka.topic)
        signet("verify", "--config", "gateway/gateway.yaml", "--ledger", "gateway/ledger", "--html", "report.html", "broker-1",
               cwd=directory, check=False)
        with Browser(directory / "browser", width=960) as browser:
            page = browser.open("file://%s/report.html" % directory)
            picture = page.screenshot()
    picture.crop((0, 0, 960, 1900)).quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    make_picture(sys.argv[1])
