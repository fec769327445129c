"""The page in a real Chromium: two people are enrolled, a third video is named, a stranger is not, one is forgotten."""

import base64
import importlib.util
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import uvicorn
from tests.recognizer.people import Pooling, clip, clips, strangers
from tests.web.server import LIMITS, TOKEN, past, video

from walkprint.recognizer import Recognizer
from walkprint.video.background import Background
from walkprint.web.app import create_app
from walkprint.web.service import Service

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SHOTS = os.environ.get("WALKPRINT_SCREENSHOTS")  # a folder; none are kept without
CAMERA_HZ = 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not importlib.util.find_spec("playwright"), reason="needs pip install walkprint[web-test]"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium, before whose camera person 002 walks past again and again."""
    from playwright.sync_api import sync_playwright

    film = tmp_path_factory.mktemp("camera") / "walk.y4m"
    images = past(clip("002", 1).frames[:, 0])
    images = [images[0]] * 10 + images + [images[0]] * 10
    height, width, _ = images[0].shape
    with film.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{CAMERA_HZ}:1 Ip A1:1 C420jpeg\n".encode())
        for image in images:
            file.write(b"FRAME\n" + np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420)).tobytes())
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}",
            ],
        )  # fmt: skip
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page.set_default_timeout(60_000)
    page.complaints = []
    page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    page.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start a server whose gallery knows both walks of some people; returns its address."""
    ends: list[Callable[[], None]] = []

    def start(known: dict[str, str] | None = None) -> str:
        recognizer = Recognizer(
            tmp_path / "people.gallery", Pooling(), segmenter=Background(), cohort=strangers(), false_positive_rate=0.1
        )
        for name, person in (known or {}).items():
            for walk in clips(person):
                recognizer.enroll(walk, name, keep_silhouettes=True)
        listening = socket.create_server(("127.0.0.1", 0))
        app = create_app(Service(recognizer, LIMITS), token=TOKEN)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.02)

        def end() -> None:
            server.should_exit = True
            thread.join(20)

        ends.append(end)
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    for end in ends:
        end()


def drop(page: Any, place: str, name: str, content: bytes) -> None:
    """Drop a file as a hand does."""
    page.evaluate(
        """([place, name, content]) => {
            const data = new DataTransfer();
            const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
            data.items.add(new File([bytes], name, {type: "video/mp4"}));
            for (const kind of ["dragenter", "dragover", "drop"]) {
                document.querySelector(place).dispatchEvent(
                    new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
            }
        }""",
        [place, name, base64.b64encode(content).decode()],
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


def sound(page: Any) -> None:
    """No complaint of the browser, at a phone's width no bar to scroll sideways."""
    assert not page.complaints, page.complaints
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_two_people_a_stranger_and_forgetting(page: Any, serve: Callable[..., str]) -> None:
    page.goto(f"{serve()}/#token={TOKEN}")
    page.wait_for_selector("text=No person is known yet.")
    assert "token" not in page.url
    shot(page, "empty")
    enroll(page, "Anna", "002")
    enroll(page, "Bob <b>", "001")

    drop(page, "#identify-drop", "hall.mp4", video("002", 1))
    drop(page, "#identify-drop", "yard.mp4", video("013", 1))
    page.wait_for_selector("#results .sighting .who:text-is('Anna')")
    page.wait_for_selector("#results .sighting .who:text-is('unknown')")
    page.click("#errors summary")
    page.wait_for_selector("text=No curve yet")
    shot(page, "results")
    assert page.locator("#results .sighting .strip").count() == 2

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
    page.wait_for_selector("h3:text-is('yard.mp4')")
    page.reload()
    page.wait_for_selector("#people-list .who:text-is('Carl')")
    assert page.locator("#people-list .who:text-is('Anna')").count() == 0
    page.wait_for_selector("#lines tr >> nth=6")
    page.click("#verify")
    page.wait_for_selector("text=The chain holds")
    sound(page)


def test_the_slider_and_the_error_rates_by_keyboard(page: Any, serve: Callable[..., str]) -> None:
    page.goto(f"{serve({'Anna': '002', 'Bob': '001', 'Cleo': '003', 'Dan': '004'})}/#token={TOKEN}")
    drop(page, "#identify-drop", "yard.mp4", video("006", 1))
    page.wait_for_selector("#results .sighting .who:text-is('Cleo')")
    page.focus("#errors summary")
    page.keyboard.press("Enter")
    page.wait_for_selector("#det circle")
    page.wait_for_selector("text=Of 8 enrolled walks of 4 people")
    assert page.locator("#scores .own").count() >= 4
    shot(page, "rates")
    before = float(page.get_attribute("#det circle", "cx"))
    page.focus("#rate")
    page.keyboard.press("Home")
    page.wait_for_selector("#rate-text:text-is('0.1 %')")
    page.wait_for_selector("#changes :text('yard.mp4, 0.0 s: Cleo becomes unknown')")
    page.wait_for_selector("#results .sighting .who:text-is('unknown')")
    page.wait_for_selector("text=Walks seen here with a name: 0 of 1.")
    shot(page, "strict")
    assert float(page.get_attribute("#det circle", "cx")) < before
    page.keyboard.press("End")
    page.wait_for_selector("#rate-text:text-is('30 %')")
    page.wait_for_selector("#changes:empty", state="attached")
    page.reload()
    page.wait_for_selector("#rate-text:text-is('30 %')")
    sound(page)


def test_the_camera_in_short_clips(page: Any, serve: Callable[..., str]) -> None:
    page.goto(f"{serve({'Anna': '002', 'Bob': '001'})}/#token={TOKEN}")
    page.wait_for_selector("#people-list .who:text-is('Anna')")
    page.evaluate("document.querySelector('#clip-s').append(new Option('2', '2'))")
    page.select_option("#clip-s", "2")
    page.focus("#watch")
    page.keyboard.press("Space")
    page.wait_for_selector("#watch[aria-checked=true]")
    page.wait_for_selector("#camera-line a")
    page.wait_for_selector("h3:text('Camera, ')")
    shot(page, "camera")
    assert page.locator("#results .sighting .strip").count() >= 1
    page.keyboard.press("Space")
    page.wait_for_selector("#watch[aria-checked=false]")
    assert page.locator("#camera-view").is_hidden()
    sound(page)


def test_without_a_token_nothing_shows_and_a_pasted_one_opens(page: Any, serve: Callable[..., str]) -> None:
    page.goto(serve())
    page.wait_for_selector("#login:not([hidden])")
    assert page.locator("#main").is_hidden()
    page.set_viewport_size({"width": 390, "height": 800})
    page.keyboard.type(TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=No person is known yet.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
