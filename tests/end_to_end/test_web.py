"""The pages in a real browser: nothing leaves the machine, nobody is shut out, they look right when empty and full."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, cast
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has no types

from tests.end_to_end.browser import chromium, served
from tests.tiers import first_standard, thorough
from tests.unit import fleets
from tests.unit.web import scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

_Scheme: TypeAlias = Literal["light", "dark"]

AXE = Axe()
WIDE, PHONE = 1280, 400

# What the Tab key is to reach, in this order; tables that are wider than a phone can be moved by keys.
REACHABLE = "a, input, select, button, [tabindex='0']"

_FOCUSED = """reachable => {
    const element = document.activeElement, look = getComputedStyle(element), box = element.getBoundingClientRect();
    return {
        number: [...document.querySelectorAll(reachable)].indexOf(element),
        outline: look.outlineStyle === "none" ? 0 : parseFloat(look.outlineWidth),
        shown: box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight,
    };
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where the histories are shown, by their names."""
    folder = tmp_path_factory.mktemp
    with (
        served(scene.company, folder("company")) as company,
        served(scene.empty, folder("empty")) as empty,
        served(scene.many(), folder("many")) as many,
        served(scene.empty, folder("machines"), fleet=fleets.in_trouble) as machines,
    ):
        yield {"company": company, "empty": empty, "many": many, "machines": machines}


class Visit:
    """A page of ours in the browser, and everything that it asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []

    @contextmanager
    def listening(self) -> Iterator[Self]:
        """Hears what the page asks for and complains of."""
        heard: dict[Any, Callable[[Any], None]] = {
            "request": lambda request: self.asked.append(request.url),
            "console": lambda message: self.complaints.append(message.text),
            "pageerror": lambda error: self.complaints.append(str(error)),
        }
        for event, handler in heard.items():
            self.page.on(event, handler)
        yield self
        for event, handler in heard.items():
            self.page.remove_listener(event, handler)

    def open(self, address: str) -> None:
        answer = self.page.goto(address)
        assert answer is not None
        assert answer.ok
        # A policy that forbids something which the page needs would be told here.
        assert self.complaints == []
        assert {urlsplit(url).netloc for url in self.asked} == {urlsplit(address).netloc}

    def follow(self, link: str) -> None:
        """Clicks on the first link of this kind, and waits until the page behind it is whole: styles come last."""
        with self.page.expect_navigation():
            self.page.locator(link).first.click()

    def overflows(self) -> bool:
        """Whether the page has to be moved sideways."""
        wide: bool = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        return wide

    def barriers(self) -> str:
        """What axe finds that would shut somebody out."""
        results = AXE.run(self.page)
        return "" if not results.violations_count else results.generate_report()


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One for all visits: a new one costs the browser as much as what is looked at in it."""
    with browser.new_context() as context:
        yield context.new_page()


@pytest.fixture
def visit(page: Page, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A page on a screen as the parameter says."""
    width, scheme = cast("tuple[int, _Scheme]", getattr(request, "param", (WIDE, "light")))
    page.goto("about:blank")
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    with Visit(page).listening() as visit:
        yield visit


@thorough
def test_the_status_page_of_many_fits_a_wide_screen_too(visit: Visit, addresses: dict[str, str]) -> None:
    visit.open(addresses["many"])
    assert not visit.overflows()


@pytest.mark.parametrize(
    ("visit", "name", "address", "then"),
    [
        ((WIDE, "light"), "company", "/", ""),
        ((PHONE, "dark"), "company", "/", ""),
        ((PHONE, "light"), "many", "/", ""),
        ((PHONE, "light"), "empty", "/", ""),
        ((PHONE, "dark"), "company", "/certificates?org=emea", ""),
        ((WIDE, "light"), "company", f"/certificates/{scene.fingerprint_of('billing now')}", ""),
        ((PHONE, "dark"), "company", "/rotations", "tbody th a"),
        ((PHONE, "dark"), "company", "/alerts", ".alerts a"),
        ((PHONE, "dark"), "machines", "/machines", ""),
    ],
    indirect=["visit"],
)
def test_the_pages_shut_nobody_out(visit: Visit, addresses: dict[str, str], name: str, address: str, then: str) -> None:
    visit.open(addresses[name] + address)
    if then:
        visit.follow(then)
    assert not visit.overflows()
    assert visit.barriers() == ""


def test_the_tab_key_reaches_everything_in_order_and_shows_where_it_is(visit: Visit, addresses: dict[str, str]) -> None:
    visit.open(addresses["company"] + "/certificates?org=emea")
    there_are = visit.page.locator(REACHABLE).count()
    reached: list[dict[str, Any]] = []
    for _ in range(there_are):
        visit.page.keyboard.press("Tab")
        reached.append(visit.page.evaluate(_FOCUSED, REACHABLE))
    assert [each["number"] for each in reached] == list(range(there_are))
    assert all(each["outline"] >= 1 and each["shown"] for each in reached), reached


def test_the_first_link_leads_past_the_navigation(visit: Visit, addresses: dict[str, str]) -> None:
    visit.open(addresses["company"])
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("document.activeElement.id") == "main"


def test_a_search_is_a_form_that_needs_no_script(browser: Browser, addresses: dict[str, str]) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(addresses["many"] + "/certificates")
        page.get_by_label("Org").select_option("emea")
        page.get_by_label("Name or fingerprint").fill("Integration_01")
        page.get_by_role("button", name="Show").click()
        assert "org=emea" in page.url
        assert page.get_by_role("table").get_by_role("row").count() - 1 == 3


def test_the_picture_puts_what_expires_sooner_further_left(visit: Visit, addresses: dict[str, str]) -> None:
    visit.open(addresses["company"])
    ends = visit.page.evaluate(
        "[...document.querySelectorAll('.picture tbody td.track > svg > svg:last-child')]"
        ".map(mark => mark.getBoundingClientRect().x)"
    )
    assert len(ends) == 20
    assert ends == sorted(ends)
    assert ends[-1] - ends[0] > 400


_OVERLAPPING = """() => {
    const seen = [...document.querySelectorAll('.axis text')].filter(each => getComputedStyle(each).display !== 'none');
    const boxes = seen.map(each => [each.textContent, each.getBoundingClientRect()]);
    boxes.sort(([, one], [, other]) => one.left - other.left);
    return boxes.slice(1).flatMap(([text, box], at) => box.left < boxes[at][1].right ? [[boxes[at][0], text]] : []);
}"""


@pytest.mark.parametrize("address", first_standard(["/", "/certificates?org=emea"]))
def test_the_labels_of_the_axis_are_apart_on_every_screen(
    visit: Visit, addresses: dict[str, str], address: str
) -> None:
    visit.open(addresses["company"] + address)
    for width in range(320, 2000, 80):
        visit.page.set_viewport_size({"width": width, "height": 800})
        assert visit.page.evaluate(_OVERLAPPING) == [], width
