"""What a run is: a RunConfig of named settings, each with its range, its words and its default.

`fields` lists the settings, `choices` what they can choose from, `validation` and `constraints`
what is refused; `presets` and `recipes` are the runs known by name. Never imports torch.
"""
