"""The first page: its verdict, its reasons, and the next days by a level of one's choice."""

from __future__ import annotations


def test_a_project_without_results_says_what_to_do(shop, open_page) -> None:
    app = open_page(shop, "today")
    assert "foresell run" in app.error[0].value


def test_the_verdict_and_the_next_days(done_shop, open_page) -> None:
    app = open_page(done_shop, "today", role="read")
    assert "which has passed" in app.error[0].value
    app.toggle(key="today_then").set_value(True).run()
    assert not app.exception
    assert "cannot be judged yet" in app.info[0].value
    assert app.dataframe[-1].value["store"].tolist()

    app.selectbox(key="today_level").set_value("category").run()
    categories = app.dataframe[-1].value["category"].tolist()
    app.text_input(key="today_search").set_value(categories[0][:4]).run()
    assert not app.exception
    assert categories[0] in app.dataframe[-1].value["category"].tolist()
    app.text_input(key="today_search").set_value("no such name").run()
    assert any("No group" in text.value for text in app.markdown)
