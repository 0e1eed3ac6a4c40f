# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium that looks at pages, over its own protocol on a pair of pipes (--remote-debugging-pipe).

    with Browser(directory) as browser:
        page = browser.open("file:///tmp/report.html")
        page.evaluate("document.title"), page.screenshot(), page.requests, page.complaints
"""

import base64
import io
import json
import os
import shutil

import processes
from PIL import Image

PROGRAM = shutil.which("chromium") or "chromium"
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
           "--disable-background-networking", "--force-color-profile=srgb", "--remote-debugging-pipe")


class Page:
    def __init__(self, browser, session):
        self.browser, self.session = browser, session
        self.requests = []  # URLs that were asked for, the page's own first
        self.complaints = []  # What was written to the console, exceptions, and what the page's policy refused

    def command(self, method, **parameters):
        return self.browser.command(method, self.session, **parameters)

    def take(self, message):
        parameters = message["params"]
        if message["method"] == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif message["method"] in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            self.complaints.append(parameters)

    def evaluate(self, expression):
        answer = self.command("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def prefer(self, scheme, media="screen"):
        """Light or dark, on a screen or on paper."""
        self.command("Emulation.setEmulatedMedia", media=media,
                     features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self):
        """The whole page."""
        data = self.command("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")

    def accessible(self):
        """What somebody is told who does not see the page: roles and names."""
        nodes = self.command("Accessibility.getFullAXTree")["nodes"]
        return [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n["ignored"]]


class Browser:
    def __init__(self, directory, width=1000, height=800):
        self.directory, self.size = str(directory), (width, height)
        self.pages, self.last_id, self.rest = {}, 0, b""

    def __enter__(self):
        read, self.to = os.pipe()
        self.back, write = os.pipe()
        with open(os.path.join(self.directory, "chromium.log"), "wb") as log:
            shell = 'exec "$@" 3<&%d 4>&%d' % (read, write)
            self.child = processes.spawn(
                ["bash", "-c", shell, "chromium", PROGRAM, *OPTIONS, "--user-data-dir=" + os.path.join(self.directory, "profile"),
                 "--window-size=%d,%d" % self.size, "about:blank"], pass_fds=(read, write), stdout=log, stderr=log)
        os.close(read)
        os.close(write)
        return self

    def __exit__(self, *exception):
        os.close(self.to)
        os.close(self.back)
        processes.stop(self.child)

    def _message(self):
        while b"\0" not in self.rest:
            data = os.read(self.back, 1 << 20)
            assert data, "the browser is gone: see %s/chromium.log" % self.directory
            self.rest += data
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def _until(self, wanted):
        while True:
            message = self._message()
            if message.get("sessionId") in self.pages and "method" in message:
                self.pages[message["sessionId"]].take(message)
            if wanted(message):
                return message

    def command(self, method, session=None, **parameters):
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        answer = self._until(lambda message: message.get("id") == self.last_id)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def open(self, url):
        """The page once it is loaded."""
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self.pages[session] = Page(self, session)
        for domain in ("Page", "Network", "Log", "Runtime"):
            page.command(domain + ".enable")
        page.prefer("light")
        page.command("Page.navigate", url=url)
        self._until(lambda message: message.get("sessionId") == session and message.get("method") == "Page.loadEventFired")
        return page
