"""The page in a real Chromium: two people are enrolled, a third video is named, a stranger is not, one is forgotten."""

import importlib.util
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from tests.recognizer.people import Pooling, strangers
from tests.web.server import LIMITS, TOKEN, video

from walkprint.recognizer import Recognizer
from walkprint.video.background import Background
from walkprint.web.app import create_app
from walkprint.web.service import Service

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SHOTS = os.environ.get("WALKPRINT_SCREENSHOTS")  # a folder; none are kept without

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not importlib.util.find_spec("playwright"), reason="needs pip install walkprint[web-test]"),
]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    recognizer = Recognizer(
        tmp_path / "people.gallery", Pooling(), segmenter=Background(), cohort=strangers(), false_positive_rate=0.1
    )
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_app(Service(recognizer, LIMITS), token=TOKEN)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def page() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        page.complaints = []
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        yield page
        browser.close()


def drop(page: Any, place: str, name: str, content: bytes) -> None:
    """Drop a file as a hand does."""
    page.evaluate(
        """([place, name, numbers]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(numbers)], name, {type: "video/mp4"}));
            for (const kind of ["dragenter", "dragover", "drop"]) {
                document.querySelector(place).dispatchEvent(
                    new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
            }
        }""",
        [place, name, list(content)],
    )


def enroll(page: Any, name: str, person: str) -> None:
    page.fill("#enroll-name", name)
    drop(page, "#enroll-drop", f"{name}.mp4", video(person))
    page.click("#enroll-form button")
    page.wait_for_selector(f"#people-list .who:text-is('{name}')")


def shot(page: Any, name: str) -> None:
    if SHOTS:
        page.wait_for_timeout(400)
        for width in (1280, 390):
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size({"width": width, "height": 900})
                page.wait_for_timeout(150)
                page.screenshot(path=f"{SHOTS}/{name}-{width}-{scheme}.png", full_page=True)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 900})


def test_two_people_a_stranger_and_forgetting(page: Any, address: str) -> None:
    page.goto(f"{address}/#token={TOKEN}")
    page.wait_for_selector("text=No person is known yet.")
    assert "token" not in page.url
    shot(page, "empty")
    enroll(page, "Anna", "002")
    enroll(page, "Bob <b>", "001")

    drop(page, "#identify-drop", "hall.mp4", video("002", 1))
    page.wait_for_selector("#results .sighting .who:text-is('Anna')")
    drop(page, "#identify-drop", "yard.mp4", video("013", 1))
    page.wait_for_selector("#results .sighting .who:text-is('unknown')")
    shot(page, "results")
    assert page.locator("#results .sighting .strip").count() == 2

    page.focus("#rate")
    page.keyboard.press("Home")
    page.wait_for_selector("#rate-text:text-is('0.1 %')")
    page.keyboard.press("End")
    page.wait_for_selector("#rate-text:text-is('30 %')")

    page.reload()
    page.wait_for_selector("#results .sighting .who:text-is('Anna')")
    assert page.locator("h3:text-is('hall.mp4')").count() == 1

    stranger = page.locator("article", has=page.locator("h3:text-is('yard.mp4')"))
    stranger.locator("button", has_text="…").click()
    stranger.locator("input").fill("Carl")
    shot(page, "naming")
    page.keyboard.press("Enter")
    page.wait_for_selector("#people-list .who:text-is('Carl')")

    page.click("[aria-label='Forget Anna']")
    shot(page, "forget")
    page.click("#forget-yes")
    page.wait_for_selector("#forget-title:text-is('Really forget Anna?')")
    assert page.locator("#people-list li").count() == 3
    page.click("#forget-yes")
    page.wait_for_selector("text=Anna is forgotten.")
    page.reload()
    page.wait_for_selector("#people-list .who:text-is('Carl')")
    assert page.locator("#people-list .who:text-is('Anna')").count() == 0
    page.wait_for_selector("#lines tr >> nth=6")
    page.click("#verify")
    page.wait_for_selector("text=The chain holds")
    assert not page.complaints, page.complaints
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_a_token_nothing_shows_and_a_pasted_one_opens(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#login:not([hidden])")
    assert page.locator("#main").is_hidden()
    page.set_viewport_size({"width": 390, "height": 800})
    page.keyboard.type(TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=No person is known yet.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
