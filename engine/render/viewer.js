// Pan, zoom and click-to-source of one chart's picture. No library, no network.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const stage = $("stage"), svg = stage.querySelector("svg"), panel = $("panel");
  const sources = JSON.parse($("sources").textContent);
  const size = { width: svg.width.baseVal.value, height: svg.height.baseVal.value };
  let view = { x: 0, y: 0, zoom: 1 }, touched = false;

  // Pan and zoom --------------------------------------------------------------------------------
  const show = () => {
    svg.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`;
  };
  const zoomAt = (x, y, factor) => {
    touched = true;
    const zoom = Math.min(8, Math.max(0.05, view.zoom * factor));
    view = { x: x - (x - view.x) * (zoom / view.zoom), y: y - (y - view.y) * (zoom / view.zoom), zoom };
    show();
  };
  const zoomMiddle = (factor) => zoomAt(stage.clientWidth / 2, stage.clientHeight / 2, factor);
  const fit = (smallest) => {
    const whole = Math.min(stage.clientWidth / size.width, stage.clientHeight / size.height, 1.25);
    const zoom = Math.max(whole, smallest);
    view = { x: (stage.clientWidth - size.width * zoom) / 2, y: 0, zoom };
    show();
  };
  const fitReadable = () => fit(Math.min(0.62, stage.clientWidth / size.width));
  const local = (event) => {
    const at = stage.getBoundingClientRect();
    return [event.clientX - at.left, event.clientY - at.top];
  };
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomAt(...local(event), Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)));
  }, { passive: false });

  const fingers = new Map();
  let moved = 0;
  stage.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, local(event));
    moved = 0;
    stage.classList.add("moving");
  });
  window.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = local(event);
    if (fingers.size === 1) {
      touched = true;
      view.x += now[0] - before[0];
      view.y += now[1] - before[1];
      show();
    } else {
      const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
      const apart = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
      zoomAt((now[0] + other[0]) / 2, (now[1] + other[1]) / 2, apart(now) / apart(before));
    }
    moved += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
    fingers.set(event.pointerId, now);
  });
  const lift = (event) => {
    fingers.delete(event.pointerId);
    if (!fingers.size) stage.classList.remove("moving");
  };
  window.addEventListener("pointerup", lift);
  window.addEventListener("pointercancel", lift);

  // Edges of the transition under the pointer -----------------------------------------------------
  const near = (link, on) => {
    for (const part of svg.querySelectorAll(`[data-link="${link}"]`)) part.classList.toggle("near", on);
  };
  for (const label of svg.querySelectorAll("[data-link]")) {
    label.addEventListener("mouseenter", () => near(label.dataset.link, true));
    label.addEventListener("mouseleave", () => near(label.dataset.link, false));
  }

  // Source ----------------------------------------------------------------------------------------
  let chosen = null, place = "";
  const choose = (element) => {
    if (chosen) chosen.classList.remove("chosen");
    chosen = element;
    panel.hidden = !element;
    if (!element) return;
    element.classList.add("chosen");
    const places = element.dataset.where.split(" ").map((text) => {
      const found = /^(.*):(\d+):(\d+)$/.exec(text);
      return { file: found[1], line: Number(found[2]) };
    });
    place = [...new Set(places.map((at) => `${at.file}:${at.line}`))].join(" ");
    $("copy").classList.remove("done");
    $("settings").hidden = true;
    $("place").hidden = $("told").hidden = $("source").hidden = false;
    $("where").textContent = place;
    const title = element.querySelector(":scope > title");
    $("told").textContent = title ? title.textContent : "";
    showSource(places);
  };
  const showSource = (places) => {
    const lines = sources[places[0].file] || [];
    const here = new Set(places.filter((at) => at.file === places[0].file).map((at) => at.line));
    $("source").replaceChildren(...lines.map((text, index) => {
      const row = document.createElement("div");
      row.dataset.n = index + 1;
      row.textContent = text || " ";
      if (here.has(index + 1)) row.className = "here";
      return row;
    }));
    const first = $("source").querySelector(".here");
    if (first) first.scrollIntoView({ block: "center" });
  };
  svg.addEventListener("click", (event) => {
    if (moved > 6) return; // it was a drag
    choose(event.target.closest("[data-where]"));
  });
  $("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(place);
    } catch {
      const field = document.createElement("textarea");
      field.value = place;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    $("copy").classList.add("done");
  });
  const showSettings = () => {
    const open = !panel.hidden && !$("settings").hidden;
    choose(null);
    panel.hidden = open;
    $("settings").hidden = false;
    $("place").hidden = $("told").hidden = $("source").hidden = true;
  };

  // Buttons and keys --------------------------------------------------------------------------------
  $("in").addEventListener("click", () => zoomMiddle(1.25));
  $("out").addEventListener("click", () => zoomMiddle(0.8));
  $("fit").addEventListener("click", () => fit(0));
  $("show-settings").addEventListener("click", showSettings);
  window.addEventListener("keydown", (event) => {
    const keys = {
      "+": () => zoomMiddle(1.25), "=": () => zoomMiddle(1.25), "-": () => zoomMiddle(0.8), "0": () => fit(0),
      Escape: () => choose(null),
      ArrowLeft: () => { view.x += 60; show(); }, ArrowRight: () => { view.x -= 60; show(); },
      ArrowUp: () => { view.y += 60; show(); }, ArrowDown: () => { view.y -= 60; show(); },
    };
    if (keys[event.key] && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  window.addEventListener("resize", () => { if (!touched) fitReadable(); });
  fitReadable();
})();
