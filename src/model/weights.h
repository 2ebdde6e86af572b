// The weights of a model. visit() is the one list of its tensors: loading, saving, counting and
// hashing are loops over it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/output_subset.h"
#include "ops/argmax.h"
#include "ops/norm.h"
#include "tensor/weight.h"

namespace transept {

struct Linear {
  Weight weight;  // [out, in]
  Weight bias;    // [1, out] or empty
};

struct Attention {
  Linear q;  // [inner, d_model]
  Linear k;  // [inner, d_model], in cross-attention [inner, cross_width]
  Linear v;
  Linear o;  // [d_model, inner]
};

struct FeedForward {
  Linear up;  // [d_ff, d_model]
  std::optional<Linear> gate;
  Linear down;  // [d_model, d_ff]
};

struct Layer {
  Norm self_norm;
  Attention self;
  Norm cross_norm;  // cross_* only where StackConfig::cross
  Attention cross;
  Norm ffn_norm;
  FeedForward ffn;
};

struct Stack {
  std::shared_ptr<Weight> tokens;  // [vocab, d_model]; one object where the tables are shared
  Weight positions;                // [position_offset + max_positions, d_model] if learned
  Weight segments;                 // [segments, d_model]
  Weight relative_bias;            // [relative_buckets, n_heads]
  std::optional<Norm> embedding_norm;
  std::optional<Norm> final_norm;
  std::vector<Layer> layers;
};

struct Head {
  std::optional<Linear> transform;
  std::optional<Norm> transform_norm;
  std::shared_ptr<Weight> output;        // [vocab, d_model]; the decoder's token table where tied
  Weight bias;                           // [1, vocab]
  std::shared_ptr<ScreenMaker> screens;  // for best_tokens(); set by finish()
  std::shared_ptr<SubsetMaker> subsets;  // for what may only say some tokens; likewise
};

class ModelIdentity;

// Immutable once loaded; safe to use from many threads.
struct Transformer {
  Config config;
  Stack encoder;
  Stack decoder;
  std::optional<Linear> bridge;
  Head head;
  std::shared_ptr<const ModelIdentity> identity;  // set by finish()
};

// Calls f(name, weight, rows, cols, role) once for every parameter that the config calls for, in a
// fixed order, creating layers and optional parts as it goes, and telling each what the config says
// of it. Names: "tokens" (shared) or
// "encoder.tokens" / "decoder.tokens", "encoder.positions", "encoder.0.self.q.weight",
// "decoder.3.cross.k.bias", "decoder.0.ffn_norm.gain", "decoder.final_norm.gain", "bridge.weight",
// "head.weight", "head.bias", "head.transform.weight", …
using Visitor =
    std::function<void(const std::string& name, Weight& weight, int rows, int cols, Role role)>;
void visit(Transformer& model, const Visitor& f);
void visit(const Transformer& model, const std::function<void(const Weight& weight, Role role)>& f);

// The form of its matrices: int8 or int4 if any is, for those keep some in bf16.
[[nodiscard]] Storage storage_of(const Transformer& model);

// Where the values of weights come from when they are not there yet. No two matrices are held as
// their file has them: what has been packed gives its values back.
struct WeightSource {
  std::function<void(Weight& weight)> load;          // fills `values`, unless it is not empty
  std::function<void(const Weight& weight)> packed;  // is shown panels and values together
};

// The last step of loading: packs what products read and sets the identity. Without a source every
// weight has its values, and keeps them.
void finish(Transformer& model, ThreadPool& pool, const KernelTable& kernels,
            const WeightSource& source = {});

}  // namespace transept
