for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => head.addEventListener("click", () => {
    const numeric = head.dataset.sort === "number";
    const first = numeric ? "descending" : "ascending", second = numeric ? "ascending" : "descending";
    const order = head.getAttribute("aria-sort") === first ? second : first;
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order);
    const value = row => { const c = row.cells[column]; return numeric ? parseFloat(c.dataset.value ?? c.textContent) || 0 : c.textContent; };
    const rows = [...body.rows].sort((a, b) => { const x = value(a), y = value(b); return numeric ? x - y : x.localeCompare(y); });
    if (order === "descending") rows.reverse();
    body.append(...rows);
  }));
}
