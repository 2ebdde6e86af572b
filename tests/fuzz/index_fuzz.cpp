// Any bytes as the index of two shards: an Error, or the two tensors.
#include "base/error.h"
#include "base/folder_testing.h"
#include "io/tensor_set.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace transept;
  static const transept::testing::TemporaryFolder folder;
  static const bool made = [] {
    const float value = 1;
    for (const char* name : {"a", "b"}) {
      write_safetensors(folder.path() / name,
                        {{.name = name,
                          .type = StoredType::f32,
                          .shape = {1},
                          .bytes = std::as_bytes(std::span(&value, 1)),
                          .make = {}}},
                        {});
    }
    return true;
  }();
  static_cast<void>(made);
  folder.write("model.safetensors.index.json", {reinterpret_cast<const char*>(data), size});
  try {
    const TensorSet set = TensorSet::open(folder.path());
    for (const auto& [name, entry] : set.entries()) {
      if (entry.tensor->size_bytes != sizeof(float) || (name != "a" && name != "b")) {
        __builtin_trap();
      }
    }
  } catch (const Error& e) {
    if (e.code() == ErrorCode::internal) __builtin_trap();
  }
  return 0;
}
