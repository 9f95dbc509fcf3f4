"""The number format of the networks' passes: `gan_core.training.devices.use_bfloat16`."""

from __future__ import annotations

from gan_core.config.run_config import RunConfig
from gan_core.export.code.objective import penalised
from gan_core.export.code.phases import Phase
from gan_core.export.code.section import Section, block, paragraphs

WORDS = ("In bfloat16 matrix products are faster, where the processor has it. Weights and losses "
         "stay in 32 bits.")

AUTOMATIC = block("""
    # Matrix products are in bfloat16 where the processor is made for it.
    if device.type == "cuda":
        bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        is_made_for_it = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        bfloat16 = device.type == "cpu" and is_made_for_it()
""")

GENERATE = block('''
    def generate(z):
        """Samples from latents, in 32 bits."""
        with torch.autocast(device.type, torch.bfloat16{enabled}):
            return generator(z).float()
''')
SCORE = block('''
    def score(inputs):
        """D's scores, in 32 bits."""
        with torch.autocast(device.type, torch.bfloat16{enabled}):
            return discriminator(inputs).float()
''')


def may_be_bfloat16(config: RunConfig) -> bool:
    if config.precision == "auto":
        return config.card.kind == "image"
    return config.precision == "bfloat16"


def generate(config: RunConfig) -> str:
    """What makes samples of latents, by name."""
    return "generate" if may_be_bfloat16(config) else "generator"


def score(settings: RunConfig) -> str:
    """What scores inputs, by name. A penalty differentiates twice, which bfloat16 does not survive.
    """
    return "score" if may_be_bfloat16(settings) and not penalised(settings) else "discriminator"


def section(config: RunConfig, phases: list[Phase]) -> Section | None:
    if not may_be_bfloat16(config):
        return None
    automatic = config.precision == "auto"
    enabled = ", enabled=bfloat16" if automatic else ""
    scored = any(score(phase.settings) == "score" for phase in phases)
    functions = paragraphs([GENERATE, SCORE if scored else ""], 2).format(enabled=enabled)
    code = paragraphs([AUTOMATIC if automatic else "", functions], 2)
    return Section("Number format", WORDS, code)
