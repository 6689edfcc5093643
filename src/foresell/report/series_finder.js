"use strict";
(() => {
  const PAGE = 20;
  const data = JSON.parse(document.getElementById("series-data").textContent);
  const place = (id) => document.getElementById(id);
  const [query, level, body, count, back, next, detail] =
    ["find", "find-level", "find-rows", "find-count", "find-back", "find-next", "find-detail"].map(place);
  const names = (of, row) => of.columns.map((_, column) => of.texts[column][of.names[column][row]]);
  const number = (value) => {
    if (value === null || value === undefined) return "–";
    const places = Math.abs(value) >= 100 || value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
    const text = Math.abs(value).toLocaleString("en-US", { maximumFractionDigits: Math.min(places, 6) });
    return (value < 0 ? "−" : "") + text;
  };
  const change = (now, then) => {
    if (now === null || !then) return "–";
    const ratio = (100 * now) / then - 100, size = Math.abs(ratio);
    if (size < 0.05) return "±0\u00a0%";
    return (ratio < 0 ? "−" : "+") + size.toLocaleString("en-US", { maximumFractionDigits: size < 9.95 ? 1 : 0 }) + "\u00a0%";
  };
  const cell = (tag, text, label) => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (label) { made.dataset.label = label; made.className = "num"; } else made.scope = "row";
    return made;
  };
  data.levels.forEach((of, at) => {
    const option = document.createElement("option");
    option.value = at;
    option.textContent = (of.columns[0] === "total" && of.texts[0][0] === data.total ? data.total : of.columns.join(" × ")) + " (" + number(of.last.length) + ")";
    level.append(option);
  });
  level.value = String(data.levels.length - 1);
  let rows = [], page = 0;
  const lower = data.levels.map(() => null);
  const find = () => {
    const at = Number(level.value), of = data.levels[at];
    lower[at] ||= of.last.map((_, row) => names(of, row).join(" ").toLocaleLowerCase());
    const words = query.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    rows = [];
    lower[at].forEach((text, row) => { if (words.every((word) => text.includes(word))) rows.push(row); });
    page = 0;
    show();
  };
  const show = () => {
    const of = data.levels[Number(level.value)], first = page * PAGE, part = rows.slice(first, first + PAGE);
    body.replaceChildren(...part.map((row) => {
      const line = document.createElement("tr"), name = cell("th", ""), open = document.createElement("button");
      open.type = "button";
      open.textContent = names(of, row).join(" · ");
      open.addEventListener("click", () => { describe(of, row); detail.focus(); });
      name.append(open);
      const now = of.weeks[row][0];
      line.append(name, cell("td", number(now), "Next " + data.week), cell("td", number(of.last[row]), "Last " + data.week),
        cell("td", change(now, of.last[row]), "Change on the last"), cell("td", number(of.year[row]), "A year ago"),
        cell("td", change(now, of.year[row]), "Change on a year ago"));
      return line;
    }));
    count.textContent = rows.length
      ? number(first + 1) + " to " + number(first + part.length) + " of " + number(rows.length)
      : "Nothing has this name at this level.";
    back.disabled = page === 0;
    next.disabled = first + PAGE >= rows.length;
  };
  const table = (caption, head, labels, values) => {
    const made = document.createElement("table"), title = made.createCaption(), top = made.createTHead().insertRow();
    title.textContent = caption;
    [head, "Forecast, units"].forEach((text, at) => {
      const one = document.createElement("th");
      one.scope = "col"; one.textContent = text;
      if (at) one.className = "num";
      top.append(one);
    });
    made.className = "cards";
    const inner = made.createTBody();
    labels.forEach((label, at) => inner.insertRow().append(cell("th", label), cell("td", number(values[at]), "Forecast, units")));
    return made;
  };
  const describe = (of, row) => {
    const name = names(of, row).join(" · "), heading = document.createElement("h4");
    heading.textContent = of.columns.map((column, at) => column + ": " + names(of, row)[at]).join(", ");
    const parts = [heading, table("Forecast by " + data.week + ": " + name, "From, to", data.spans, of.weeks[row])];
    if (of.days[row]) parts.push(table("Forecast by period: " + name, "When", data.periods, of.days[row]));
    detail.replaceChildren(...parts);
  };
  query.addEventListener("input", find);
  level.addEventListener("change", find);
  back.addEventListener("click", () => { page -= 1; show(); });
  next.addEventListener("click", () => { page += 1; show(); });
  place("finder").hidden = false;
  find();
})();
