// Draws the charts in the colours of the page, and again when those or the width class change.
const DARK = window.matchMedia("(prefers-color-scheme: dark)");
const NARROW = window.matchMedia("(max-width: 600px)");

function config(dark, narrow) {
  const ink = dark ? "#e8eaed" : "#1b1f24";
  const soft = dark ? "#a3abb5" : "#57606a";
  const line = dark ? "#343a42" : "#e1e5ea";
  const font = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
  return {
    background: null,
    font,
    view: { stroke: null },
    range: {
      category: dark
        ? ["#79a8ff", "#ffa066", "#63d2b0", "#d79bea", "#e8d06a", "#ff8fa3", "#a9b2bd", "#6fd3ee", "#b3a1ff", "#d9a57e"]
        : ["#2f6bd8", "#d4601f", "#14866a", "#9440ad", "#8f7a00", "#c2334d", "#67707b", "#0c7f9e", "#6b4fd0", "#9c5b2e"],
    },
    axis: {
      labelColor: soft, titleColor: soft, gridColor: line, domainColor: line, tickColor: line,
      labelFontSize: 12, titleFontSize: 12, titleFontWeight: 400, labelOverlap: true,
    },
    legend: {
      orient: "bottom", direction: narrow ? "vertical" : "horizontal", columns: narrow ? 1 : 3,
      labelColor: ink, titleColor: soft, labelFontSize: 12, titleFontSize: 12,
      titleFontWeight: 400, labelLimit: 280, symbolStrokeWidth: 2, symbolOpacity: 1,
      symbolBaseFillColor: soft, symbolBaseStrokeColor: soft,
      layout: { bottom: { direction: "vertical", anchor: "start", margin: 8 } },
    },
    rule: { color: ink },
    text: { color: ink },
    line: { strokeWidth: 2, color: soft },
  };
}

function draw() {
  const look = config(DARK.matches, NARROW.matches);
  for (const [id, spec] of Object.entries(SPECS)) {
    vegaEmbed("#" + id, spec, {
      actions: false, renderer: "svg", config: look, tooltip: { theme: DARK.matches ? "dark" : "light" },
    });
  }
}

DARK.addEventListener("change", draw);
NARROW.addEventListener("change", draw);
draw();
