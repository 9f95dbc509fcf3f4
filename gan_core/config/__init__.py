"""What a run is: a RunConfig of named settings, each with its range, its words and its default.

`fields` lists the settings, `choices` what they can choose from, `constraints` what does not go
together; `presets` and `recipes` are the runs that the project knows by name. Never imports torch.
"""
