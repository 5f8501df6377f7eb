autocmd BufNewFile,BufRead *.nacl,nacl.txt setfiletype nacl
