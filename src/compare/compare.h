// What it costs to ask several prompts about one input: an encoder–decoder that keeps a Memory,
// against a decoder-only model that keeps the input's keys and values (a prefix cache).
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "model/weights.h"
#include "ops/context.h"

namespace transept {

struct CompareSettings {
  int input_tokens = 128;
  int prompt_tokens = 8;
  int output_tokens = 32;
  int repeats = 5;  // of each measurement, the two models in turns; medians count
};

struct AskingCost {
  double read_ms = 0;  // the input, once: encoder and cross-attention's keys and values, or prefill
  double prompt_ms = 0;     // a prompt, up to the first token
  double token_ms = 0;      // each token after it
  size_t kept_bytes = 0;    // in memory per input, to ask again without reading it again
  size_t stored_bytes = 0;  // on disk per input, for the same after a restart

  // The answer to one prompt.
  [[nodiscard]] double answer_ms(int output_tokens) const {
    return prompt_ms + token_ms * (output_tokens - 1);
  }
  [[nodiscard]] double total_ms(int prompts, int output_tokens) const {
    return read_ms + prompts * answer_ms(output_tokens);
  }
};

struct Comparison {
  AskingCost encoder_decoder;
  AskingCost decoder_only;

  // The number of prompts from which on the encoder–decoder is the faster of the two; nothing if it
  // never is.
  [[nodiscard]] std::optional<int> faster_from(int output_tokens) const;
};

struct ComparedModels {
  std::shared_ptr<const Transformer> encoder_decoder;
  std::shared_ptr<const Transformer> decoder_only;
};

// From their folders, matrices in the form that `dtype` names ("": as each folder says), keys and
// values in that of `keys` ("": as those say); an empty `decoder_only` means the twin below, with
// random weights.
[[nodiscard]] ComparedModels load_compared(const std::filesystem::path& encoder_decoder,
                                           const std::filesystem::path& decoder_only,
                                           const std::string& dtype, const std::string& keys,
                                           ThreadPool& pool);

// A decoder-only model with the switches of this one's decoder and as many layers as bring it
// closest to the same number of parameters. Error unsupported if the model has no encoder or no
// decoder.
[[nodiscard]] Config decoder_only_twin(const Transformer& model);
// With random weights, stored as this one's are: int8 is set against int8.
[[nodiscard]] Transformer random_twin(const Transformer& model, ThreadPool& pool,
                                      const KernelTable& kernels);

// Both are fed the same number of tokens. Error unsupported if `model` lacks an encoder or a
// decoder, or `other` is not a decoder alone; limit if the lengths exceed their positions.
[[nodiscard]] Comparison compare(Context& c, const Transformer& model, const Transformer& other,
                                 const CompareSettings& settings);

}  // namespace transept
