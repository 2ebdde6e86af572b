// Any bytes as a file of panels of a small model: an Error, or a model that can be run.
#include "base/error.h"
#include "io/packed.h"
#include "model/decoder.h"
#include "model/encoder.h"

namespace {

transept::Config small_config() {
  using namespace transept;
  Config config;
  config.family = "marian";
  StackConfig s{.layers = 1, .d_model = 8, .n_heads = 2, .d_head = 4, .d_ff = 8, .vocab = 17};
  s.positions = Positions::sinusoid_halves;
  config.encoder = config.decoder = s;
  config.decoder.causal = config.decoder.cross = true;
  config.decoder.cross_width = s.d_model;
  config.shared_embeddings = true;
  config.head = {.present = true, .tied = true};
  return config;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace transept;
  static ThreadPool pool(1);
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    const TensorSet tensors = TensorSet::from_file(
        std::make_shared<const SafetensorsFile>(SafetensorsFile::parse(bytes, "fuzz")));
    if (!is_packed(tensors)) return 0;
    Transformer model;
    model.config = small_config();
    bind_packed(model, tensors, pool);
    finish(model, pool, chosen_kernels());
    Arena arena;
    Context c{arena, pool, chosen_kernels()};
    const std::vector<Token> tokens = {3, 16, 1};
    const std::vector<Memory> memories = encode_memories(c, model, std::span(&tokens, 1));
    const Memory* memory = memories.data();
    Batch batch;
    batch.add(3);
    const Tensor hidden = decode(c, model, batch, tokens, std::span(&memory, 1), {});
    (void)best_tokens(c, model, hidden, {});
  } catch (const Error&) {
  }
  return 0;
}
