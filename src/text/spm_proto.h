// What a SentencePiece .model file says: a bounded reader of its protocol buffer
// (sentencepiece_model.proto, version 0.2). Fields that decide nothing here are skipped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace transept {

struct SpmNormalizerSettings {
  std::string_view charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

// All text views look into the bytes that were read, which must outlive them.
struct SpmProto {
  enum class Type : int32_t {
    normal = 1,
    unknown = 2,
    control = 3,
    user_defined = 4,
    unused = 5,
    byte = 6,
  };
  struct SentencePiece {
    std::string_view text;
    float score = 0;
    Type type = Type::normal;
  };
  using Normalizer = SpmNormalizerSettings;
  enum class Algorithm : int32_t { unigram = 1, bpe = 2, word = 3, character = 4 };

  std::vector<SentencePiece> pieces;  // their index is their id
  Algorithm algorithm = Algorithm::unigram;
  bool byte_fallback = false;
  bool whitespace_is_suffix = false;
  int32_t trainer_unk_id = 0;  // as the trainer was told; the piece of type unknown decides here
  std::string_view unk_surface = " \xe2\x81\x87 ";  // U+2047
  std::string_view unk_piece = "<unk>";
  Normalizer normalizer;
  std::optional<Normalizer> denormalizer;
};

// `where` is the file's name for messages. Error bad_data if it is not a whole, consistent model:
// broken wire format, empty or repeated pieces, texts that are not UTF-8, no unknown piece or
// several, byte pieces without byte fallback or the reverse.
[[nodiscard]] SpmProto read_spm_proto(std::string_view bytes, const std::string& where);

// The byte of "<0x41>", or -1.
[[nodiscard]] int byte_of_piece(std::string_view piece);

}  // namespace transept
