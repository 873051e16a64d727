// What the pages do beyond HTML and HTMX. Every part is optional: pages read and post without it.
(() => {
  const root = document.documentElement;
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // A click on [data-x] is handled by the entry of its name.
  const clicks = {
    themeChoice: (button) => chooseTheme(button.dataset.themeChoice),
    copy: async (button) => {
      await copy(button.dataset.copy);
      const word = one("span", button), before = word.textContent;
      word.textContent = "Copied";
      button.classList.add("is-done");
      setTimeout(() => { word.textContent = before; button.classList.remove("is-done"); }, 1500);
    },
    reveal: (button) => {
      const field = document.getElementById(button.dataset.reveal);
      const shows = field.type === "password";
      field.type = shows ? "text" : "password";
      button.setAttribute("aria-pressed", String(shows));
    },
    addRow: (button) => {
      const row = button.previousElementSibling, rows = all(".field-row", button.parentNode).length;
      const own = new RegExp(`${button.dataset.addRow}\\.\\d+\\.`, "g");
      row.insertAdjacentHTML("afterend", row.outerHTML.replace(own, `${button.dataset.addRow}.${rows}.`));
      one("select, input", button.previousElementSibling).focus();
    },
    closeDialog: (button) => button.closest("dialog").close(),
  };

  addEventListener("click", (event) => {
    for (const [name, act] of Object.entries(clicks)) {
      const attribute = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      const button = event.target.closest?.(`[data-${attribute}]`);
      if (button) act(button, event);
    }
  });

  // navigator.clipboard is missing on plain http.
  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "visually-hidden";
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }

  // Themes
  function markTheme() {
    for (const button of all("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === root.dataset.theme));
    }
  }

  // Times: "3 min ago" in the page, the moment in the viewer's zone on hover.
  const relative = new Intl.RelativeTimeFormat("en", { style: "short" });
  const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  const steps = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

  function tellTimes(within = document) {
    for (const time of all("time[data-ago]", within)) {
      const at = new Date(time.dateTime), seconds = (at - Date.now()) / 1000;
      const [unit, length] = steps.find(([, size]) => Math.abs(seconds) >= size) || ["second", 1];
      time.textContent = Math.abs(seconds) < 5 ? "just now" : relative.format(Math.round(seconds / length), unit);
      time.title = absolute.format(at);
    }
  }

  // Charts: uPlot draws what stands in the JSON script beside the canvas.
  const written = {
    usd: (value) => `$${Number(value.toPrecision(3))}`,
    ms: (value) => (value >= 1000 ? `${Number((value / 1000).toPrecision(3))} s` : `${Number(value.toPrecision(3))} ms`),
    percent: (value) => `${Number((value * 100).toPrecision(3))}%`,
    "": (value) => value.toLocaleString("en"),
  };
  const drawn = new Map();
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

  // The day stands where it begins, and everywhere when the ticks are days.
  function timeTicks(_, ticks, __, ___, step) {
    let before = "";
    return ticks.map((tick) => {
      const at = new Date(tick * 1000), today = day.format(at);
      const shown = step >= 86400 ? today : before && before !== today ? today : clock.format(at);
      before = today;
      return shown;
    });
  }

  function chartOptions(data, width, height) {
    const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
    const units = [...new Set(data.series.map((series) => series.unit || ""))];
    const line = { stroke: colour("--chart-text"), grid: { stroke: colour("--chart-grid"), width: 1 }, ticks: { show: false } };
    const axis = (unit, index) => ({
      ...line, scale: unit || "count", side: index ? 1 : 3, size: 62, space: 26,
      grid: index ? { show: false } : line.grid,
      values: (_, ticks) => ticks.map(written[unit]),
    });
    const series = (of, index) => ({
      label: of.label, scale: of.unit || "count", width: 1.75, points: { show: false },
      stroke: colour(`--chart-${index + 1}`),
      fill: index ? undefined : colour("--chart-1-fill"),
      paths: of.kind === "bars" ? uPlot.paths.bars({ size: [0.7, 40] }) : undefined,
      value: (_, value) => (value == null ? "–" : written[of.unit || ""](value)),
    });
    const scales = Object.fromEntries(units.map((unit) => [unit || "count", { range: { min: { pad: 0, hard: 0, soft: 0, mode: 1 }, max: { pad: 0.1, soft: 0, mode: 2 } } }]));
    return {
      width, height, scales, padding: [10, units.length > 1 ? 0 : 16, 0, 0], axes: [{ ...line, size: 26, values: timeTicks }, ...units.slice(0, 2).map(axis)],
      series: [{ label: "Time", value: (_, at) => (at == null ? "–" : absolute.format(new Date(at * 1000))) }, ...data.series.map(series)],
      cursor: { drag: { setScale: false } }, legend: { live: true },
    };
  }

  function draw(canvas) {
    if (!globalThis.uPlot || !canvas.clientWidth) return;
    const data = JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
    drawn.get(canvas)?.destroy();
    const options = chartOptions(data, canvas.clientWidth, Number(canvas.dataset.height));
    drawn.set(canvas, new uPlot(options, [data.x, ...data.series.map((series) => series.values)], canvas));
  }

  function drawCharts(within = document) {
    for (const [canvas, chart] of drawn) {
      if (!canvas.isConnected) { chart.destroy(); drawn.delete(canvas); }
    }
    all("[data-chart]", within).filter((canvas) => !drawn.has(canvas)).forEach((canvas) => {
      widths.observe(canvas);
      draw(canvas);
    });
  }

  const widths = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const chart = drawn.get(target);
      if (!chart) draw(target);
      else if (chart.width !== target.clientWidth) chart.setSize({ width: target.clientWidth, height: Number(target.dataset.height) });
    }
  });

  // Confirm by name: the open <dialog> inside <details> becomes a real one.
  function readyDialogs(within = document) {
    for (const details of all("details.confirm:not([data-ready])", within)) {
      const dialog = one("dialog", details), field = one("[data-confirm-name]", dialog);
      const button = one("button[type=submit]", dialog);
      const check = () => { button.disabled = field.value !== field.dataset.confirmName; };
      details.dataset.ready = "";
      dialog.close();
      check();
      field.addEventListener("input", check);
      details.addEventListener("toggle", () => { if (details.open && !dialog.open) dialog.showModal(); });
      dialog.addEventListener("close", () => {
        if (!details.open) return;
        details.open = false;
        one("summary", details).focus();
      });
    }
  }

  // Tabs of snippets
  function chooseTab(tab) {
    for (const other of all("[role=tab]", tab.closest("[data-tabs]"))) {
      const isChosen = other === tab;
      other.setAttribute("aria-selected", String(isChosen));
      other.tabIndex = isChosen ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).classList.toggle("is-shown", isChosen);
    }
  }

  addEventListener("click", (event) => {
    const tab = event.target.closest?.("[data-tabs] [role=tab]");
    if (tab) chooseTab(tab);
    for (const menu of all(".column-menu[open]")) menu.open = menu.contains(event.target);
  });

  // Tables: columns that may be hidden, rows by the arrow keys; with the drawer open it follows.
  const OPEN_DRAWER = "#drawer.show, #drawer.showing";
  let opener = null;

  function hideColumns(table) {
    const key = `columns:${table.id}`;
    const hidden = new Set(JSON.parse(localStorage.getItem(key) || "[]"));
    const headings = all("thead th", table).map((heading) => heading.textContent.trim());
    const apply = () => {
      for (const row of all("tr", table)) {
        [...row.cells].forEach((cell, index) => { cell.hidden = hidden.has(headings[index]); });
      }
    };
    apply();
    const menu = document.createElement("details");
    menu.className = "column-menu";
    menu.innerHTML = '<summary class="btn btn-secondary btn-sm">Columns</summary><div></div>';
    const named = all("thead th", table).filter((heading) => !one(".visually-hidden", heading));
    named.slice(1).map((heading) => heading.textContent.trim()).forEach((heading) => {
      const label = document.createElement("label"), box = document.createElement("input");
      box.type = "checkbox";
      box.className = "form-check-input";
      box.checked = !hidden.has(heading);
      box.addEventListener("change", () => {
        hidden[box.checked ? "delete" : "add"](heading);
        localStorage.setItem(key, JSON.stringify([...hidden]));
        apply();
      });
      label.append(box, heading);
      menu.lastChild.append(label);
    });
    const place = one(`[data-columns-of="${table.id}"]`);
    if (place) place.replaceChildren(menu); else table.parentElement.before(menu);
  }

  function readyTables(within = document) {
    for (const table of all("table[data-hides]:not([data-ready])", within)) {
      table.dataset.ready = "";
      hideColumns(table);
    }
  }

  function moveInTable(event) {
    if (!["ArrowDown", "ArrowUp"].includes(event.key) || event.target.closest?.("input, textarea, select")) return;
    const shown = one(OPEN_DRAWER), from = shown ? opener : event.target;
    const row = from?.closest?.("table[data-keys] tbody tr");
    const next = event.key === "ArrowDown" ? row?.nextElementSibling : row?.previousElementSibling;
    const link = next ? one("a[href]", next) : shown && one(`a[data-key="${event.key}"]`, shown);
    if (!link) return;
    event.preventDefault();
    if (shown) link.click(); else link.focus();
  }

  addEventListener("keydown", (event) => {
    moveInTable(event);
    const tab = event.target.closest?.("[data-tabs] [role=tab]");
    if (!tab || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const next = event.key === "ArrowRight" ? tab.nextElementSibling : tab.previousElementSibling;
    if (next) { chooseTab(next); next.focus(); }
  });

  // The sum of percentages, while they are typed; only the rows that are switched on count.
  addEventListener("input", (event) => {
    const rows = event.target.closest?.("[data-sum]");
    if (!rows) return;
    const on = all("tr", rows).filter((row) => one("[type=checkbox]", row).checked);
    const sum = on.reduce((total, row) => total + (Number(one("[type=number]", row).value) || 0), 0);
    const shown = one("output", rows.closest("table"));
    shown.textContent = String(Number(sum.toFixed(2)));
    shown.classList.toggle("is-wrong", Math.abs(sum - 100) > 0.05);
  });

  // HTMX: the CSRF token on every request, the drawer, the focus after a swap.
  addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    ctx.request.headers["X-CSRFToken"] = one("meta[name=csrf-token]").content;
  });

  let focused = "";
  addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
    focused = document.activeElement?.id || "";
    const drawer = one("#drawer");
    if (ctx.target !== drawer || drawer.contains(ctx.sourceElement)) return;
    const link = ctx.sourceElement, row = `table[data-keys] a[href="${link.getAttribute("href")}"]`;
    opener = link.isConnected ? link : one(row) || opener;
    one("#flash").replaceChildren();
    bootstrap.Offcanvas.getOrCreateInstance(drawer).show();
  });
  addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    enhance();
    const swapped = ctx.target?.id && document.getElementById(ctx.target.id);
    const wanted = (swapped && one("[aria-invalid=true]", swapped)) || (focused && document.getElementById(focused));
    if (wanted && wanted !== document.activeElement) wanted.focus({ preventScroll: true });
    if (document.activeElement === document.body) one(OPEN_DRAWER)?.focus();
  });
  addEventListener("hidden.bs.offcanvas", (event) => event.target.id === "drawer" && opener?.focus());

  addEventListener("htmx:error", ({ detail: { error } }) => {
    if (!(error instanceof TypeError) && error !== "timeout") return;
    const place = one("#flash"), note = document.createElement("div");
    note.className = "alert alert-danger";
    note.textContent = "The server did not answer. Check the connection and try again.";
    place.replaceChildren(note);
  });

  function enhance() {
    markTheme();
    tellTimes();
    readyDialogs();
    readyTables();
    drawCharts();
  }

  root.addEventListener("theme", () => { markTheme(); [...drawn.keys()].forEach(draw); });
  setInterval(tellTimes, 30000);
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", enhance); else enhance();
})();
