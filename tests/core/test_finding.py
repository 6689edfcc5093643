import pytest

from foresell.core.finding import Code, Finding, Severity, errors, finding_of, worst_first


def finding(code, severity, count=1):
    return Finding(code, severity, "sales.csv", count, "something", ("line 3",), "Mend it.")


def test_errors_first_then_the_widest():
    findings = [
        finding("a", Severity.INFO, 99),
        finding("b", Severity.WARNING, 1),
        finding("c", Severity.WARNING, 5),
        finding("d", Severity.ERROR),
    ]
    assert [finding.code for finding in worst_first(findings)] == ["d", "c", "b", "a"]
    assert [finding.code for finding in errors(findings)] == ["d"]


def test_as_plain_data_and_in_words():
    plain = finding("gaps", Severity.WARNING).to_dict()
    assert plain["severity"] == "warning"
    assert plain["examples"] == ("line 3",)
    words = "warning gaps in sales.csv: something (for example line 3). Mend it."
    assert str(finding("gaps", Severity.WARNING)) == words


def test_a_finding_of_a_code_has_its_severity_and_advice_and_five_examples_as_text():
    codes = {"gaps": Code(Severity.WARNING, "Days have no row.", "Look for them.")}
    gaps = finding_of(codes, "gaps", "sales.csv", 7, "7 days", range(7))
    assert gaps == Finding(
        "gaps", Severity.WARNING, "sales.csv", 7, "7 days", ("0", "1", "2", "3", "4"), "Look for them."
    )
    assert finding_of(codes, "gaps", "sales.csv", 7, "7 days", severity=Severity.ERROR).severity == Severity.ERROR
    with pytest.raises(KeyError):
        finding_of(codes, "no-such-code", "sales.csv", 1, "")
