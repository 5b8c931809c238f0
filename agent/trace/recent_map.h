// SPDX-License-Identifier: Apache-2.0
// A hash map that forgets what was not touched for long, so that keys nobody retires (task numbers,
// addresses) cannot fill memory: two generations, the older one dropped when the newer is full.
#pragma once
#include <cstddef>
#include <functional>
#include <unordered_map>
#include <utility>

namespace tacit::trace {

template <typename Key, typename Value, typename Hash = std::hash<Key>>
class RecentMap {
 public:
  // Holds the `generation_size` newest keys at least, twice as many at most.
  explicit RecentMap(size_t generation_size) : generation_size_(generation_size) {}

  Value* find(const Key& key) {
    if (const auto found = young_.find(key); found != young_.end()) return &found->second;
    const auto found = old_.find(key);
    if (found == old_.end()) return nullptr;
    Value value = std::move(found->second);
    old_.erase(found);
    return &insert(key, std::move(value));
  }
  Value& insert(const Key& key, Value value) {  // replaces
    if (young_.size() >= generation_size_) {
      old_ = std::exchange(young_, {});
    }
    old_.erase(key);
    return young_.insert_or_assign(key, std::move(value)).first->second;
  }
  void erase(const Key& key) {
    young_.erase(key);
    old_.erase(key);
  }
  void clear() {
    young_.clear();
    old_.clear();
  }
  size_t size() const { return young_.size() + old_.size(); }

 private:
  size_t generation_size_;
  std::unordered_map<Key, Value, Hash> young_, old_;
};

}  // namespace tacit::trace
