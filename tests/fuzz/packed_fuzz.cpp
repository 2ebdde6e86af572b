// Edits of a valid file of panels of a small model: an Error, or a model that can be run. The first
// byte says which file, then come edits: four bytes of where, one of what. Any other first byte:
// the rest is the file.
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "io/packed.h"
#include "model/decoder.h"
#include "model/encoder.h"
#include "model/random.h"

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

std::string file_of_panels(transept::Storage storage) {
  using namespace transept;
  ThreadPool pool(1);
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("packed_fuzz." + std::to_string(::getpid()));
  write_packed(path, random_model(small_config(), pool, chosen_kernels(), storage));
  std::string bytes = read_file(path);
  std::filesystem::remove(path);
  return bytes;
}

std::string file_from(const uint8_t* data, size_t size) {
  using transept::Storage;
  static const std::string kFiles[] = {file_of_panels(Storage::int8), file_of_panels(Storage::int4),
                                       file_of_panels(Storage::bf16)};
  if (size == 0) return {};
  const uint8_t which = *data++;
  --size;
  if (which >= std::size(kFiles)) return {reinterpret_cast<const char*>(data), size};
  std::string file = kFiles[which];
  for (; size >= 5; data += 5, size -= 5) {
    uint32_t where = 0;
    std::memcpy(&where, data, sizeof where);
    file[where % file.size()] = static_cast<char>(data[4]);
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace transept;
  static ThreadPool pool(1);
  const std::string file = file_from(data, size);
  const auto bytes = std::as_bytes(std::span(file));
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
