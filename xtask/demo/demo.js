// What a site owner adds to a page by hand: a gallery that navigates without loading, a purchase, an event of the site's own.

// Calls made before footfall.js has arrived are kept for it.
window.footfall ||= Object.assign((...call) => window.footfall.q.push(call), { q: [] });

const prints = ["Ridge at dusk", "Seven birches", "Ferry, first light", "Under the saddle", "Rings", "Last warm day"];
const list = document.getElementById("prints");

if (list) {
  const show = () => {
    const number = Number(location.pathname.split("/")[2] || 0);
    const title = prints[number - 1];
    document.getElementById("picture").dataset.print = number;
    document.title = `${title || "Gallery"} · Hollow Pine Press`;
    if (title) {
      document.getElementById("print-title").textContent = title;
      document.getElementById("print-text").textContent = `Print ${number} of ${prints.length}.`;
    }
    for (const link of list.children) {
      if (link.dataset.number == number) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  prints.forEach((title, index) => {
    const link = document.createElement("a");
    link.href = `/gallery/${index + 1}`;
    link.id = `print-${index + 1}`;
    link.dataset.number = index + 1;
    link.textContent = title;
    list.append(link, " ");
  });
  list.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    history.pushState(null, "", link.href);
    show();
  });
  addEventListener("popstate", show);
  show();
  document.getElementById("like").addEventListener("click", () => {
    footfall("event", { category: "gallery", action: "like", label: document.title, value: 1 });
  });
}

for (const button of document.querySelectorAll(".buy")) {
  button.addEventListener("click", () => {
    const { sku, name, price } = button.dataset;
    footfall("transaction", {
      transaction_id: crypto.randomUUID(),
      transaction_revenue: Number(price),
      product_sku: sku,
      product_name: name,
      product_category: "prints",
      product_price: Number(price),
      product_quantity: 1,
    });
    document.getElementById("receipt").textContent = `Thank you. “${name}” is not on its way.`;
  });
}
