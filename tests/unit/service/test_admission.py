"""How many requests are worked on at once follows how late the event loop wakes."""

from benchmark_qa.service.admission import FEWEST, MOST, next_limit, pause


def after(lags: list[float], limit: float) -> float:
    for lag in lags:
        limit = next_limit(limit, lag)
    return limit


def test_while_the_loop_wakes_on_time_more_requests_are_taken_up_to_the_most() -> None:
    assert after([0.0] * 10, FEWEST) > FEWEST
    assert after([0.0] * 100_000, FEWEST) == MOST


def test_when_the_loop_wakes_late_fewer_are_taken_but_never_none() -> None:
    assert after([0.1] * 3, MOST) <= MOST * 0.6
    assert after([0.1] * 1_000, MOST) == FEWEST


def test_one_late_waking_costs_more_than_one_on_time_gives() -> None:
    assert after([0.1, 0.0], 32) < 32


def test_an_idle_service_looks_seldom_and_one_in_demand_often() -> None:
    assert pause(busy=0) >= 10 * pause(busy=FEWEST)
    assert pause(busy=MOST) == pause(busy=FEWEST)
