"""What the installation offers: files shared by processes, settings, the machine and its cores.

Every other folder may import this one; it imports none of them. Torch-free.
"""
