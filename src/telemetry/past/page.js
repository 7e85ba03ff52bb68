"use strict";
// The value under the pointer, and its time. The page can be read without this.
for (const svg of document.querySelectorAll("svg[data-values]")) {
  const values = svg.dataset.values.split(",");
  const from = Number(svg.dataset.from), to = Number(svg.dataset.to);
  const left = Number(svg.dataset.left), right = Number(svg.dataset.right);
  const box = svg.viewBox.baseVal;
  const cursor = svg.querySelector(".cursor");
  const output = svg.closest("figure").querySelector("output");
  const usual = output.textContent;
  svg.addEventListener("pointermove", (event) => {
    const bounds = svg.getBoundingClientRect();
    const inner = box.width - left - right;
    const share = ((event.clientX - bounds.left) / bounds.width * box.width - left) / inner;
    const part = Math.floor(share * values.length);
    if (part < 0 || part >= values.length) return;
    const at = new Date((from + (to - from) * (part + 0.5) / values.length) * 1000);
    cursor.setAttribute("d", `M${left + inner * (part + 0.5) / values.length} 8V130`);
    output.textContent = `${values[part] || "not seen"} at ${at.toISOString().slice(11, 19)}`;
  });
  svg.addEventListener("pointerleave", () => {
    cursor.setAttribute("d", "");
    output.textContent = usual;
  });
}
