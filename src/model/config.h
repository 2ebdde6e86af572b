// Config: the switches that make one forward description a Transformer, Marian, BART, T5, BERT or
// GPT-2. docs/architecture.md has the table of values by family.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ops/activation.h"
#include "ops/norm.h"
#include "tensor/weight.h"

namespace transept {

using Token = int32_t;

enum class NormPlace { pre, post };  // x + f(norm(x)) or norm(x + f(x))

enum class Positions {
  none,
  learned,           // a table of max_positions entries
  sinusoid_halves,   // Vaswani et al. 2017, 3.5, all sines before all cosines (Marian, Pegasus)
  sinusoid_fairseq,  // halves, frequencies 10000^(-i / (d/2 - 1)) (FSMT, M2M100)
  relative,  // a bias on attention scores by bucketed distance (T5: Raffel et al. 2020, 2.1)
};

struct StackConfig {
  int layers = 0;  // 0: this stack does not exist
  int d_model = 0;
  int n_heads = 0;
  int d_head = 0;
  int d_ff = 0;
  int vocab = 0;

  NormKind norm = NormKind::layer;
  NormPlace place = NormPlace::post;
  bool embedding_norm = false;
  bool final_norm = false;
  float norm_eps = 1e-5F;

  Positions positions = Positions::none;
  int max_positions = 0;    // how many positions the stack has; 0: no bound
  int position_offset = 0;  // the table's row of position 0
  int relative_buckets = 0;
  int relative_max_distance = 0;
  int segments = 0;  // rows of BERT's segment table; every token is of segment 0

  float embedding_scale = 1;
  float query_scale = 1;  // on scores: query · key * query_scale
  ActivationKind activation{};
  bool gate = false;  // act(gate x) * (up x) instead of act(up x)
  bool bias = true;   // linears have a bias
  // A few values of the rows that the second matrix of a feed-forward block multiplies are hundreds
  // of times larger than the others (T5's wo): Weight::fine. How it is computed and not what, so
  // it is no part of describe().
  bool ffn_outliers = false;

  bool causal = false;
  bool cross = false;   // has cross-attention sub-layers
  int cross_width = 0;  // columns of what cross-attention's keys and values read

  // How a DecodeState and a Memory keep keys and values: f32, bf16 or int8. Set by finish(), bf16
  // where matrices are not f32, or by who loads the model. An encoder keeps none.
  Storage keys = Storage::f32;

  [[nodiscard]] int inner() const { return n_heads * d_head; }
};

// From the decoder's hidden state to logits.
struct HeadConfig {
  bool present = false;  // an encoder on its own has none
  bool tied = false;     // the output matrix is the decoder's token table
  bool bias = false;
  float scale = 1;         // on the hidden state (T5 tied: 1/sqrt(d_model))
  bool transform = false;  // linear, activation, norm before the output matrix (BERT, RoBERTa)
  ActivationKind transform_activation{};
};

struct Config {
  std::string family;  // "t5", "bart", "marian", …: for people, not for branches
  StackConfig encoder;
  StackConfig decoder;
  bool shared_embeddings = false;  // encoder and decoder use one token table
  int bridge = 0;  // > 0: a linear [bridge, encoder.d_model] between encoder and cross-attention
  HeadConfig head;

  // Special tokens, -1 where the model has none.
  Token bos = -1;
  Token pad = -1;
  Token decoder_start = -1;
  std::vector<Token> eos;

  [[nodiscard]] bool has_encoder() const { return encoder.layers > 0; }
  [[nodiscard]] bool has_decoder() const { return decoder.layers > 0; }
};

[[nodiscard]] const char* name_of(NormKind kind);
[[nodiscard]] const char* name_of(NormPlace place);
[[nodiscard]] const char* name_of(Positions positions);
[[nodiscard]] const char* name_of(ActivationKind kind);

// Error bad_data if the switches contradict each other or a size is out of range.
void check_config(const Config& config);

// Every switch by name and value, one line: what a fingerprint covers and what `inspect` shows.
[[nodiscard]] std::string describe(const Config& config);

}  // namespace transept
