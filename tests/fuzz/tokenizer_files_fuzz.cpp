// Any bytes as one of the older files of a tokenizer, the first byte says which: an Error, or a
// tokenizer that encodes and decodes.
#include "base/error.h"
#include "base/folder_testing.h"
#include "text/tokenizer.h"

using transept::testing::TemporaryFolder;

namespace {

constexpr const char* kVocabulary = R"({"<s>":0,"<pad>":1,"</s>":2,"<unk>":3,"T":4,"h":5,"Th":6})";

void make(const TemporaryFolder& bert, const TemporaryFolder& bart) {
  bert.write("config.json", R"({"model_type":"bert"})");
  bert.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n##x\nfo\n");
  bert.write("tokenizer_config.json", "{}");
  bert.write("special_tokens_map.json", "{}");
  bart.write("config.json", R"({"model_type":"bart"})");
  bart.write("vocab.json", kVocabulary);
  bart.write("merges.txt", "#version: 0.2\nT h\n");
}

void use(const TemporaryFolder& folder) {
  try {
    const auto tokenizer = transept::load_tokenizer(folder.path());
    const auto encoding =
        tokenizer->encode("The fox <mask> isn't  \u00e9\u0301 \u72d0 12 </s>", {});
    static_cast<void>(tokenizer->decode(encoding.ids, true));
  } catch (const transept::Error& e) {
    if (e.code() == transept::ErrorCode::internal) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const TemporaryFolder bert;
  static const TemporaryFolder bart;
  if (size == 0) return 0;
  constexpr const char* kFiles[] = {"vocab.txt", "tokenizer_config.json", "special_tokens_map.json",
                                    "vocab.json", "merges.txt"};
  const size_t which = data[0] % std::size(kFiles);
  const TemporaryFolder& folder = which < 3 ? bert : bart;
  make(bert, bart);
  folder.write(kFiles[which], {reinterpret_cast<const char*>(data) + 1, size - 1});
  use(folder);
  return 0;
}
