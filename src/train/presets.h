// config.json and generation_config.json of a new model: what a family's own configuration class
// would write (transformers 5.24), so that the reference framework loads the result.
#pragma once

#include <string>

#include "model/config.h"
#include "train/config.h"

namespace transept {

// The tokenizer's size and marks; -1 where it has none.
struct Marks {
  int size = 0;
  Token bos = -1;
  Token pad = -1;
  Token eos = -1;
};

// Error bad_data if the family needs a mark that the vocabulary lacks.
[[nodiscard]] std::string make_config_json(const TrainConfig& config, const Marks& marks);
// An EncoderDecoderModel: the encoder that `encoder_json` describes and a new BERT-like decoder
// with cross-attention over the same vocabulary.
[[nodiscard]] std::string make_encoder_decoder_json(const TrainConfig& config, const Marks& marks,
                                                    const std::string& encoder_json);
// `start`: what the decoder begins with.
[[nodiscard]] std::string make_generation_json(const TrainConfig& config, const Config& model);

}  // namespace transept
