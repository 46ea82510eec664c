"""The report in a real Chromium: it draws, plays, steps and answers to the keyboard, and fetches nothing."""

from __future__ import annotations

import json
import time

import pytest

pytest.importorskip("selenium", reason="selenium is not installed")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.slow  # a browser starts for each

GREY, BLUE, RED = (90, 90, 90), (60, 60, 200), (200, 60, 60)


def wait(driver, ready):
    return WebDriverWait(driver, 20, poll_frequency=0.05).until(ready)


def drawn(driver, frame):
    """Wait until the canvas shows a frame."""
    wait(driver, lambda d: d.execute_script("return document.getElementById('stage').dataset.drawn") == str(frame))
    wait(driver, lambda d: not d.execute_script("return [...document.querySelectorAll('video')].some(v => v.seeking)"))


def pixel(driver, x, y):
    """Colour of the canvas at shares of its width and height."""
    script = """const c = document.getElementById('canvas'), g = c.getContext('2d');
    return Array.from(g.getImageData(arguments[0] * c.width, arguments[1] * c.height, 1, 1).data).slice(0, 3);"""
    return tuple(driver.execute_script(script, x, y))


def near(colour, wanted, by=14):
    return all(abs(a - b) <= by for a, b in zip(colour, wanted, strict=True))


def element(driver, name):
    return driver.find_element(By.ID, name)


def bar(driver):
    """Number of the frame shown, read off the picture: the bar moves 8 of 192 pixels a frame."""
    script = """const c = document.getElementById('canvas'), g = c.getContext('2d');
    const row = g.getImageData(0, c.height / 2, c.width, 1).data;
    for (let x = 0; x < c.width; x++) if (row[4 * x] > 225 && row[4 * x + 1] > 225) return x;
    return -1;"""
    return round(driver.execute_script(script) / 8)


@pytest.fixture
def opened(browser, page):
    driver = browser(page)
    drawn(driver, 0)
    return driver


def test_nothing_is_logged_and_nothing_fetched(opened):
    assert [entry for entry in opened.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    sent = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    asked = [message["params"] for message in sent if message["method"] == "Network.requestWillBeSent"]
    urls = [one["request"]["url"] for one in asked if one["documentURL"].startswith("file:")]
    assert [url for url in urls if not url.startswith(("data:", "blob:", "file:"))] == []
    assert sum(url.startswith("file:") for url in urls) == 1


def test_the_divider_moves_by_key_and_by_mouse(opened):
    assert near(pixel(opened, 0.25, 0.1), GREY) and near(pixel(opened, 0.75, 0.1), BLUE)
    split = element(opened, "split")
    split.send_keys(Keys.HOME)
    assert near(pixel(opened, 0.25, 0.1), BLUE)
    split.send_keys(Keys.END)
    assert near(pixel(opened, 0.75, 0.1), GREY)
    assert split.get_attribute("aria-valuetext") == "100 % original, 0 % edit"
    from selenium.webdriver import ActionChains

    stage = element(opened, "stage")
    ActionChains(opened).move_to_element_with_offset(stage, -stage.size["width"] // 5, 0).click().perform()
    assert 25 <= int(split.get_property("value")) <= 35
    assert near(pixel(opened, 0.25, 0.1), GREY) and near(pixel(opened, 0.5, 0.1), BLUE)


def test_the_video_plays_and_pauses(opened):
    play = element(opened, "play")
    play.click()
    assert play.get_attribute("aria-label") == "Pause"
    wait(opened, lambda d: int(element(d, "scrub").get_property("value")) >= 4)
    play.click()
    wait(opened, lambda d: play.get_attribute("aria-label") == "Play")
    time.sleep(0.3)
    shown = int(element(opened, "scrub").get_property("value"))
    assert bar(opened) == shown > 0
    time.sleep(0.4)
    assert int(element(opened, "scrub").get_property("value")) == shown


def test_frames_step_exactly_and_scrub(opened):
    for expected in (1, 2, 3):
        element(opened, "next").click()
        drawn(opened, expected)
        assert bar(opened) == expected
    element(opened, "back").click()
    drawn(opened, 2)
    assert bar(opened) == 2
    scrub = element(opened, "scrub")
    scrub.send_keys(Keys.END)
    drawn(opened, 19)
    assert bar(opened) == 19
    assert scrub.get_attribute("aria-valuetext") == "frame 19 of 19, 1.90 s"
    scrub.send_keys(Keys.ARROW_LEFT)
    drawn(opened, 18)
    body = opened.find_element(By.TAG_NAME, "body")
    body.send_keys(",")
    drawn(opened, 17)
    body.send_keys(".")
    drawn(opened, 18)
    body.send_keys(" ")
    wait(opened, lambda d: element(d, "play").get_attribute("aria-label") == "Pause")


def test_difference_and_side_by_side(opened):
    def choose(mode):
        opened.find_element(By.CSS_SELECTOR, f"input[value={mode}]").send_keys(Keys.SPACE)

    choose("difference")
    wait(
        opened, lambda d: near(pixel(d, 0.9, 0.1), (120, 120, 255), 24)
    )  # |edit - original| = (30, 30, 110), four times
    assert element(opened, "gain").is_displayed()
    choose("side")
    wait(opened, lambda d: d.execute_script("return document.getElementById('canvas').width") == 2 * 192)
    assert near(pixel(opened, 0.25, 0.1), GREY) and near(pixel(opened, 0.75, 0.1), BLUE)
    assert not element(opened, "gain").is_displayed()


def test_zoom_follows_the_face(opened):
    """The square around the crop, 92 pixels, is shown three times as large; the bar is at the same place in it."""
    element(opened, "zoom").send_keys(Keys.SPACE)
    wait(opened, lambda d: d.execute_script("return document.getElementById('canvas').width") == 3 * 92)
    element(opened, "scrub").send_keys(Keys.HOME)
    for expected in range(1, 10):
        element(opened, "next").click()
        drawn(opened, expected)
    script = """const c = document.getElementById('canvas'), g = c.getContext('2d');
    const row = g.getImageData(0, c.height / 2, c.width, 1).data;
    for (let x = 0; x < c.width; x++) if (row[4 * x] > 225 && row[4 * x + 1] > 225) return x;"""
    assert opened.execute_script(script) == pytest.approx(3 * (8 * 9 - (100 - 46)), abs=5)


def test_another_edit_and_a_key_frame_can_be_chosen(opened):
    opened.find_element(By.CSS_SELECTOR, "input[name=edit][value='1']").send_keys(Keys.SPACE)
    wait(opened, lambda d: near(pixel(d, 0.75, 0.1), RED))
    sections = opened.find_elements(By.CSS_SELECTOR, "section.edit")
    assert [section.is_displayed() for section in sections] == [False, True]
    key = [one for one in sections[1].find_elements(By.CSS_SELECTOR, ".key") if one.get_attribute("data-frame") != "0"][
        1
    ]
    key.click()
    drawn(opened, int(key.get_attribute("data-frame")))
    assert bar(opened) == int(key.get_attribute("data-frame"))


def test_every_control_has_a_name_and_focus_shows(opened):
    unnamed = opened.execute_script("""
        const labelled = (e) => e.labels && [...e.labels].some((label) => label.textContent.trim());
        const named = (e) => e.getAttribute('aria-label') || labelled(e) || e.textContent.trim();
        return [...document.querySelectorAll('button, input, select, [tabindex="0"]')].filter((e) => !named(e))
          .map((e) => e.outerHTML);""")
    assert unnamed == []
    opened.execute_script("document.activeElement.blur()")
    body = opened.find_element(By.TAG_NAME, "body")
    reached = set()
    for _ in range(40):
        body.send_keys(Keys.TAB) if not reached else opened.switch_to.active_element.send_keys(Keys.TAB)
        active = opened.switch_to.active_element
        reached.add(active.get_attribute("id") or active.get_attribute("name") or active.get_attribute("class"))
        if active.get_attribute("id") in ("play", "scrub"):
            style = opened.execute_script("const s = getComputedStyle(arguments[0]);"
                                          "return [s.outlineStyle, s.outlineWidth]", active)  # fmt: skip
            assert style[0] != "none" and style[1] == "3px"
    assert {"edit", "split", "play", "back", "next", "scrub", "mode", "speed"} <= reached


@pytest.mark.parametrize(("width", "dark"), [(390, True), (390, False), (768, False), (1280, True)])
def test_it_fits_the_screen_in_both_schemes(browser, page, width, dark):
    driver = browser(page, width, 844, dark)
    drawn(driver, 0)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    paper = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    levels = [int(number) for number in paper.strip("rgb()").split(",")]
    assert (max(levels) < 60) is dark
    small = driver.execute_script("""return [...document.querySelectorAll('button, #scrub')].map((e) =>
        e.getBoundingClientRect()).filter((r) => r.height > 0 && r.height < 40).length;""")
    assert small == 0  # large enough for a thumb
