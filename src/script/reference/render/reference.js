const box = document.querySelector("#search");
const field = box.querySelector("input");
box.hidden = false;
const sections = [...document.querySelectorAll("section")];
const texts = sections.map((section) => section.textContent.toLowerCase());
const links = [...document.querySelectorAll("nav li")];
const heads = [...document.querySelectorAll("main > h2, nav h2")];
field.addEventListener("input", () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = texts.map((text) => words.every((word) => text.includes(word)));
  sections.forEach((section, at) => { section.hidden = !shown[at]; });
  links.forEach((link, at) => { link.hidden = !shown[at]; });
  heads.forEach((head) => { head.hidden = words.length > 0; });
  document.querySelector("#nothing").hidden = shown.includes(true);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && event.target !== field) { event.preventDefault(); field.focus(); }
  if (event.key === "Escape" && event.target === field) { field.value = ""; field.dispatchEvent(new Event("input")); }
});
