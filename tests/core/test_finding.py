from foresell.core.finding import Finding, Severity, errors, worst_first


def finding(code, severity, count=1):
    return Finding(code, severity, "sales.csv", count, "something", ("line 3",), "Mend it.")


def test_errors_first_then_the_widest():
    found = [
        finding("a", Severity.INFO, 99),
        finding("b", Severity.WARNING, 1),
        finding("c", Severity.WARNING, 5),
        finding("d", Severity.ERROR),
    ]
    assert [each.code for each in worst_first(found)] == ["d", "c", "b", "a"]
    assert [each.code for each in errors(found)] == ["d"]


def test_as_plain_data_and_in_words():
    plain = finding("gaps", Severity.WARNING).to_dict()
    assert plain["severity"] == "warning"
    assert plain["examples"] == ("line 3",)
    words = "warning gaps in sales.csv: something (for example line 3). Mend it."
    assert str(finding("gaps", Severity.WARNING)) == words
