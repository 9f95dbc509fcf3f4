"""What of runs can be taken home. Torch-free.

`code/` writes a run as a program (`script`, `notebook`), `charts/` draws its charts, `report/` puts
both and its pictures on one page, `archive/` packs everything and opens it again; `tables` has its
numbers, `sheets` and `film` its samples.
"""
