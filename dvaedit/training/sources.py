"""The data the compact model's weights are trained on, as their cards name it."""

# In the words of the data set's own description.
TRAINING_DATA = [
    {"name": "sfhq", "licence": "MIT",
     "note": "1,984 SFHQ synthetic faces (FLUX, SDXL, StyleGAN...), very diverse: hair colours, hats, glasses, ages"},
    {"name": "genfaces", "licence": "none stated; no natural persons",
     "note": "3,617 machine-generated portraits, plain backgrounds"},
    {"name": "sdfd", "licence": "none stated; no natural persons",
     "note": "370 Stable Diffusion faces, strong diversity, some with reflected borders where the crop left the "
             "picture"},
    {"name": "voteview", "licence": "US government works", "note": "323 official portraits of US legislators, colour"},
    {"name": "webmorph", "licence": "CC-BY 4.0 (credit DeBruine & Jones)",
     "note": "244 Face Research Lab London and Canada sets, studio, neutral and smiling"},
]  # fmt: skip
