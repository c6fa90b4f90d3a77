// Comfort only: the button below does the same.
document.querySelector("form.go").submit();
