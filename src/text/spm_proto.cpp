#include "text/spm_proto.h"

#include <algorithm>
#include <bit>
#include <bitset>

#include "base/error.h"
#include "base/stand_in.h"
#include "base/utf8.h"

namespace transept {
namespace {

using Type = SpmProto::Type;

struct Field {
  uint32_t number = 0;
  uint32_t wire = 0;  // 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes
  uint64_t value = 0;
  std::string_view bytes;
};

// The fields of one message, in the order of the file. Errors carry the offset in the file.
class Fields {
 public:
  Fields(std::string_view message, const char* file, const std::string& where)
      : rest_(message), file_(file), where_(where) {}

  bool next(Field& field) {
    if (rest_.empty()) return false;
    const uint64_t key = varint();
    field = {static_cast<uint32_t>(key >> 3), static_cast<uint32_t>(key & 7), 0, {}};
    need(key >> 3 != 0 && key >> 3 < (uint64_t{1} << 29), "a field number out of range");
    switch (field.wire) {
      case 0:
        field.value = varint();
        break;
      case 1:
        field.value = fixed(8);
        break;
      case 2:
        field.bytes = take(varint());
        break;
      case 5:
        field.value = fixed(4);
        break;
      default:
        need(false, "an unknown wire type");
    }
    return true;
  }

  [[nodiscard]] Fields inside(const Field& field) const { return {field.bytes, file_, where_}; }

  void need(bool ok, const char* what) const {
    check(ok, ErrorCode::bad_data, "{}: not a SentencePiece model: {} before byte {}", where_, what,
          rest_.data() - file_);
  }

 private:
  std::string_view take(uint64_t size) {
    need(size <= rest_.size(), "a field longer than its message");
    const std::string_view taken = rest_.substr(0, static_cast<size_t>(size));
    rest_.remove_prefix(static_cast<size_t>(size));
    return taken;
  }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    need(false, "a number of more than ten bytes");
    return 0;
  }

  uint64_t fixed(size_t size) {
    const std::string_view bytes = take(size);
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
  }

  std::string_view rest_;
  const char* file_;
  const std::string& where_;
};

// Each take…() stores the field if number and wire type fit; a field of another wire type is
// skipped, as protobuf does.
void take_bool(const Field& field, uint32_t number, bool& out) {
  if (field.number == number && field.wire == 0) out = field.value != 0;
}
void take_int(const Field& field, uint32_t number, int32_t& out) {
  if (field.number == number && field.wire == 0) out = static_cast<int32_t>(field.value);
}
void take_text(const Field& field, uint32_t number, std::string_view& out) {
  if (field.number == number && field.wire == 2) out = field.bytes;
}
template <class Enum>
void take_enum(const Field& field, uint32_t number, Enum most, Enum& out) {
  if (field.number != number || field.wire != 0) return;
  if (field.value >= 1 && field.value <= static_cast<uint64_t>(most)) {
    out = static_cast<Enum>(field.value);
  }
}

SpmProto::SentencePiece read_piece(Fields fields) {
  SpmProto::SentencePiece piece;
  for (Field field; fields.next(field);) {
    take_text(field, 1, piece.text);
    if (field.number == 2 && field.wire == 5) {
      piece.score = std::bit_cast<float>(static_cast<uint32_t>(field.value));
    }
    take_enum(field, 3, Type::byte, piece.type);
  }
  return piece;
}

void read_trainer(Fields fields, SpmProto& proto) {
  for (Field field; fields.next(field);) {
    take_enum(field, 3, SpmProto::Algorithm::character, proto.algorithm);
    take_bool(field, 24, proto.whitespace_is_suffix);
    take_bool(field, 35, proto.byte_fallback);
    take_int(field, 40, proto.trainer_unk_id);
    take_text(field, 44, proto.unk_surface);
    take_text(field, 45, proto.unk_piece);
  }
}

void read_normalizer(Fields fields, SpmProto::Normalizer& normalizer) {
  for (Field field; fields.next(field);) {
    take_text(field, 2, normalizer.charsmap);
    take_bool(field, 3, normalizer.add_dummy_prefix);
    take_bool(field, 4, normalizer.remove_extra_whitespaces);
    take_bool(field, 5, normalizer.escape_whitespaces);
  }
}

bool is_reserved(Type type) {
  return type == Type::unknown || type == Type::control || type == Type::byte;
}

// sentencepiece keeps two vocabularies, of reserved and of other pieces, each without repetition.
void check_unique(const SpmProto& proto, const std::string& where) {
  std::vector<uint32_t> order(proto.pieces.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
  const auto key = [&](uint32_t id) {
    return std::pair(is_reserved(proto.pieces[id].type), proto.pieces[id].text);
  };
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return key(a) < key(b); });
  const auto twin = std::adjacent_find(order.begin(), order.end(),
                                       [&](uint32_t a, uint32_t b) { return key(a) == key(b); });
  if (twin == order.end()) return;
  fail(ErrorCode::bad_data, "{}: pieces {} and {} are both '{}'", where, *twin, *(twin + 1),
       proto.pieces[*twin].text);
}

void check_pieces(const SpmProto& proto, const std::string& where) {
  int n_unknown = 0;
  std::bitset<256> bytes;
  for (size_t id = 0; id < proto.pieces.size(); ++id) {
    const auto& piece = proto.pieces[id];
    check(!piece.text.empty(), ErrorCode::bad_data, "{}: piece {} is empty", where, id);
    check(find_invalid_utf8(piece.text) == std::string_view::npos, ErrorCode::bad_data,
          "{}: piece {} is not UTF-8", where, id);
    n_unknown += piece.type == Type::unknown ? 1 : 0;
    if (piece.type != Type::byte) continue;
    const int byte = byte_of_piece(piece.text);
    check(proto.byte_fallback && byte >= 0, ErrorCode::bad_data,
          "{}: piece {} '{}' is a byte, expected only <0x00> … <0xFF> with byte_fallback", where,
          id, piece.text);
    bytes.set(static_cast<size_t>(byte));
  }
  check(n_unknown == 1, ErrorCode::bad_data, "{}: {} unknown pieces among {}, expected one", where,
        n_unknown, proto.pieces.size());
  check(!proto.byte_fallback || bytes.all(), ErrorCode::bad_data,
        "{}: byte_fallback with {} byte pieces, expected 256", where, bytes.count());
  for (const std::string_view text : {proto.unk_surface, proto.unk_piece}) {
    check(find_invalid_utf8(text) == std::string_view::npos, ErrorCode::bad_data,
          "{}: trainer_spec: unk_surface or unk_piece is not UTF-8", where);
  }
  check_unique(proto, where);
}

}  // namespace

int byte_of_piece(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return -1;
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const size_t high = kDigits.find(piece[3]);
  const size_t low = kDigits.find(piece[4]);
  if (high == std::string_view::npos || low == std::string_view::npos) return -1;
  return static_cast<int>(high * 16 + low);
}

SpmProto read_spm_proto(std::string_view bytes, const std::string& where) {
  check(!bytes.empty(), ErrorCode::bad_data, "{}: empty, expected a SentencePiece model", where);
  check_not_stand_in(bytes, where);
  SpmProto proto;
  Fields fields(bytes, bytes.data(), where);
  for (Field field; fields.next(field);) {
    if (field.wire != 2) continue;
    if (field.number == 1) proto.pieces.push_back(read_piece(fields.inside(field)));
    if (field.number == 2) read_trainer(fields.inside(field), proto);
    if (field.number == 3) read_normalizer(fields.inside(field), proto.normalizer);
    if (field.number == 5) {
      if (!proto.denormalizer) proto.denormalizer.emplace();
      read_normalizer(fields.inside(field), *proto.denormalizer);
    }
  }
  check_pieces(proto, where);
  return proto;
}

}  // namespace transept
