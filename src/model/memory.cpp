#include "model/memory.h"

#include <algorithm>
#include <cstring>

#include "model/blocks.h"

namespace transept {
namespace {

// A Storage with room for `rows` rows of every layer.
std::shared_ptr<Memory::Storage> new_storage(int rows, int width) {
  auto storage = std::make_shared<Memory::Storage>();
  storage->rows = rows;
  storage->width = width;
  storage->hidden = Buffer(static_cast<size_t>(rows) * static_cast<size_t>(width) * sizeof(float));
  return storage;
}

void copy_rows(const Memory& from, int begin, int end, Memory::Storage& to, int at) {
  const auto width = static_cast<size_t>(to.width);
  std::memcpy(to.hidden.as<float>() + static_cast<size_t>(at) * width, from.hidden().row(begin),
              static_cast<size_t>(end - begin) * width * sizeof(float));
  const auto ids = from.ids();
  if (!ids.empty()) to.ids.insert(to.ids.end(), ids.begin() + begin, ids.begin() + end);
  for (size_t i = 0; i < to.layers.size(); ++i)
    to.layers[i].append(from.storage().layers[i], begin, end);
  for (const Memory::Segment& s : from.segments()) {
    const int first = std::max(s.begin, begin);
    const int last = std::min(s.end, end);
    if (first < last) to.segments.push_back({at + first - begin, at + last - begin});
  }
}

Storage keys_of(const Memory& memory) {
  const std::vector<KeyValues>& layers = memory.storage().layers;
  return layers.empty() ? Storage::f32 : layers.front().storage();
}

std::vector<KeyValues> empty_layers(const Memory& like, int rows) {
  std::vector<KeyValues> layers;
  for (const KeyValues& layer : like.storage().layers) {
    KeyValues fresh = layer.empty_like();
    fresh.reserve(rows);
    layers.push_back(std::move(fresh));
  }
  return layers;
}

}  // namespace

const std::string& ModelIdentity::fingerprint() const {
  std::call_once(once_, [this] { fingerprint_ = compute_(); });
  return fingerprint_;
}

size_t Memory::bytes() const {
  size_t total = storage_->hidden.size();
  for (const KeyValues& layer : storage_->layers) total += layer.bytes();
  return total;
}

std::vector<Memory> make_memories(Context& c, const Transformer& model, ConstTensor hidden,
                                  std::vector<MemoryRows> parts) {
  const StackConfig& decoder = model.config.decoder;
  std::vector<std::shared_ptr<Memory::Storage>> storages;
  for (MemoryRows& part : parts) {
    const ConstTensor own = hidden.slice(part.begin, part.end);
    auto storage = new_storage(own.rows, own.cols);
    std::memcpy(storage->hidden.data(), own.data, own.bytes());
    storage->ids.assign(part.ids.begin(), part.ids.end());
    storage->segments = std::move(part.segments);
    storage->model = model.identity;
    storage->layers.resize(model.decoder.layers.size());
    storages.push_back(std::move(storage));
  }
  const Arena::Frame frame(c.arena);
  const ConstTensor source = cross_source(c, model, hidden);
  for (size_t layer = 0; layer < model.decoder.layers.size(); ++layer) {
    c.pause();
    const Arena::Frame layer_frame(c.arena);
    const Layer& l = model.decoder.layers[layer];
    const auto [k, v] = linear(c, source, l.cross.k, l.cross.v);  // [rows, n_heads * d_head]
    // k = k: C++20 allows to capture a binding, Clang 14 does not.
    const auto keep = [&, k = k, v = v](int64_t begin, int64_t end) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        const MemoryRows& part = parts[i];
        KeyValues keys(decoder.n_heads, decoder.d_head, decoder.keys, part.end - part.begin);
        keys.append(c.kernels, k, v, part.begin, part.end);
        storages[i]->layers[layer] = std::move(keys);
      }
    };
    c.pool.parallel_for(static_cast<int64_t>(parts.size()), 1, keep);
  }
  return {std::make_move_iterator(storages.begin()), std::make_move_iterator(storages.end())};
}

Memory make_memory(Context& c, const Transformer& model, ConstTensor hidden,
                   std::span<const Token> ids, std::vector<Memory::Segment> segments) {
  std::vector<MemoryRows> whole(1);
  whole.front() = {0, hidden.rows, ids, std::move(segments)};
  return std::move(make_memories(c, model, hidden, std::move(whole)).front());
}

Memory concat(std::span<const Memory> parts) {
  check(!parts.empty(), ErrorCode::usage, "concat: no memories given");
  int64_t rows = 0;
  for (const Memory& part : parts) {
    check(
        part.storage().model == parts[0].storage().model ||
            part.fingerprint() == parts[0].fingerprint(),
        ErrorCode::mismatch, "memories of two models cannot be joined: {} and {}",
        [&] { return parts[0].fingerprint(); }, [&] { return part.fingerprint(); });
    check(keys_of(part) == keys_of(parts[0]), ErrorCode::mismatch,
          "memories with keys and values as {} and as {} cannot be joined: encode both alike",
          name_of(keys_of(parts[0])), name_of(keys_of(part)));
    check(part.ids().empty() == parts[0].ids().empty(), ErrorCode::mismatch,
          "a memory of tokens and one of another source cannot be joined");
    rows += part.rows();
  }
  check(rows <= 1 << 24, ErrorCode::limit, "concat: {} rows in all, at most {} fit", rows, 1 << 24);
  auto storage = new_storage(static_cast<int>(rows), parts[0].width());
  storage->model = parts[0].storage().model;
  storage->layers = empty_layers(parts[0], static_cast<int>(rows));
  int at = 0;
  for (const Memory& part : parts) {
    copy_rows(part, 0, part.rows(), *storage, at);
    at += part.rows();
  }
  return Memory(std::move(storage));
}

Memory slice(const Memory& memory, int begin, int end) {
  check(0 <= begin && begin < end && end <= memory.rows(), ErrorCode::usage,
        "slice: rows {} to {} of a memory of {} rows", begin, end, memory.rows());
  auto storage = new_storage(end - begin, memory.width());
  storage->model = memory.storage().model;
  storage->layers = empty_layers(memory, end - begin);
  copy_rows(memory, begin, end, *storage, 0);
  return Memory(std::move(storage));
}

void check_belongs(const Memory& memory, const Transformer& model) {
  const auto& made_by = memory.storage().model;
  if (made_by == model.identity) return;
  const std::string& theirs = made_by->fingerprint();
  const std::string& ours = model.identity->fingerprint();
  check(theirs == ours, ErrorCode::mismatch,
        "this memory was made by model {}, not by this one ({}): encode the input with this model",
        theirs, ours);
  const Storage keys = model.config.decoder.keys;
  check(memory.storage().layers.empty() || keys_of(memory) == keys, ErrorCode::mismatch,
        "this memory has keys and values as {}, the model takes {}: encode the input with this "
        "model, or save the memory and load it for this model",
        name_of(keys_of(memory)), name_of(keys));
}

}  // namespace transept
