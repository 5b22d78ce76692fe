const at = (id) => document.getElementById(id);

function make(tag, className, ...children) {
  const found = document.createElement(tag);
  if (className) found.className = className;
  found.append(...children.filter((one) => one !== null && one !== undefined));
  return found;
}

function problem(error) {
  at("problem").replaceChildren();
  if (!error) return;
  const more = [error.where && `At: ${error.where}`, error.hint].filter(Boolean).join(" · ");
  at("problem").append(make("div", "card problem", make("strong", "", error.message), more ? make("p", "", more) : null));
}
