// The shapes of Marian's models that the benchmarks measure.
#pragma once

#include "model/config.h"

namespace transept {

inline Config marian(int d_model, int d_ff, int encoder_layers, int decoder_layers, int vocab) {
  Config config;
  config.family = "marian";
  StackConfig s{.layers = encoder_layers,
                .d_model = d_model,
                .n_heads = 8,
                .d_head = d_model / 8,
                .d_ff = d_ff};
  s.vocab = vocab;
  s.positions = Positions::sinusoid_halves;
  s.activation = ActivationKind::silu;
  s.query_scale = 0.125F;
  config.encoder = s;
  config.decoder = s;
  config.decoder.layers = decoder_layers;
  config.decoder.causal = config.decoder.cross = true;
  config.decoder.cross_width = d_model;
  config.shared_embeddings = true;
  config.head = {.present = true, .tied = true, .bias = true};
  return config;
}

inline Config marian_base() {
  return marian(512, 2048, 6, 6, 65001);
}
inline Config marian_tiny() {
  return marian(256, 1536, 6, 2, 32000);
}

}  // namespace transept
