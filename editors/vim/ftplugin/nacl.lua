-- Neovim: `saltgate lsp` for every NaCl file, if the command is there.
if vim.fn.executable('saltgate') == 1 and vim.lsp.start then
  vim.lsp.start({
    name = 'saltgate',
    cmd = { 'saltgate', 'lsp' },
    root_dir = vim.fn.getcwd(),
  })
end
