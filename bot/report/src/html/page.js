"use strict";
(function () {
  var form = document.getElementById("filters");
  if (!form) return;
  form.hidden = false;
  var all = function (what) { return Array.prototype.slice.call(document.querySelectorAll(what)); };
  var rows = all("#grid tbody tr"), heads = all("#grid thead th[data-column]");
  var logs = all("details.log"), causes = all("article");
  var said = document.getElementById("said");
  function apply() {
    var arch = form.elements.arch.value, tool = form.elements.toolchain.value;
    var column = form.elements.column.value, only = form.elements.only.checked;
    var cause = form.elements.cause.value, text = form.elements.text.value.trim().toLowerCase();
    var shown = 0;
    rows.forEach(function (row) {
      var cells = Array.prototype.slice.call(row.querySelectorAll("td")), any = false;
      cells.forEach(function (cell) {
        var fits = column === "" || cell.dataset.column === column;
        var has = cause === "" || (" " + (cell.dataset.causes || "") + " ").indexOf(" " + cause + " ") >= 0;
        cell.hidden = !fits;
        cell.classList.toggle("other", !has);
        if (fits && has && (!only || cell.classList.contains("fail"))) any = true;
      });
      row.hidden = !((arch === "" || row.dataset.arch === arch) && (tool === "" || row.dataset.tool === tool) && any);
      if (!row.hidden) shown += 1;
    });
    heads.forEach(function (head) { head.hidden = column !== "" && head.dataset.column !== column; });
    causes.forEach(function (item) {
      item.hidden = (cause !== "" && item.dataset.number !== cause) || item.textContent.toLowerCase().indexOf(text) < 0;
    });
    logs.forEach(function (item) {
      var has = cause === "" || (" " + item.dataset.causes + " ").indexOf(" " + cause + " ") >= 0;
      item.hidden = !has || (text !== "" && item.textContent.toLowerCase().indexOf(text) < 0);
    });
    said.textContent = shown + " of " + rows.length + " rows";
  }
  form.addEventListener("input", apply);
  form.addEventListener("reset", function () { setTimeout(apply, 0); });
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  function open() {
    var at = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    var log = at && at.closest("details");
    if (!log) return;
    log.hidden = false;
    log.open = true;
    log.scrollIntoView();
    log.querySelector("summary").focus({ preventScroll: true });
  }
  window.addEventListener("hashchange", open);
  open();
  apply();
})();
