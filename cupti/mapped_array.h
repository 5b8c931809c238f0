// SPDX-License-Identifier: Apache-2.0
// Zeroed memory of its own pages: the library allocates nothing from the process's heap, whose lock
// a caller of CUDA may hold, and untouched pages cost nothing. Owner: whoever holds it.
#pragma once
#include <sys/mman.h>

#include <cstddef>

namespace tacit::cupti {

template <typename T>
class MappedArray {
 public:
  MappedArray() = default;
  MappedArray(const MappedArray&) = delete;
  MappedArray& operator=(const MappedArray&) = delete;
  ~MappedArray() { unmap(); }

  // False: no memory; the array stays empty.
  bool map(size_t count) {
    unmap();
    void* pages = ::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) return false;
    data_ = static_cast<T*>(pages);
    count_ = count;
    return true;
  }
  void unmap() {
    if (data_ != nullptr) ::munmap(static_cast<void*>(data_), count_ * sizeof(T));
    data_ = nullptr;
    count_ = 0;
  }

  T* data() const { return data_; }
  size_t size() const { return count_; }
  T& operator[](size_t at) const { return data_[at]; }

 private:
  T* data_ = nullptr;
  size_t count_ = 0;
};

}  // namespace tacit::cupti
