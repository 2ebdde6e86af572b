// Any bytes as tokenizer.json: an Error, or a tokenizer that encodes and decodes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "text/pipeline.h"
#include "text/tokenizer_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string_view json(reinterpret_cast<const char*>(data), size);
    const transept::Pipeline tokenizer(transept::read_tokenizer_json(json, "fuzz"));
    const auto encoding = tokenizer.encode("The fox <mask> isn't  \u00e9\u0301 \u72d0 12 </s>", {});
    static_cast<void>(tokenizer.decode(encoding.ids, true));
  } catch (const transept::Error&) {
  }
  return 0;
}
