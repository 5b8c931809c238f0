// SPDX-License-Identifier: Apache-2.0
// Recorded ring records: what event_recorder writes and golden tests replay. A file is the line
// "TACIT RECORDING 1\n" and then, per record, its length (32 bits, little endian) and its bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <span>
#include <string>
#include <vector>

namespace tacit::harness {

inline constexpr char kRecordingMagic[] = "TACIT RECORDING 1\n";

class RecordingWriter {
 public:
  explicit RecordingWriter(const std::string& path) : file_(path, std::ios::binary) {
    file_ << kRecordingMagic;
  }
  void write(std::span<const std::byte> record) {
    const auto length = static_cast<uint32_t>(record.size());
    file_.write(reinterpret_cast<const char*>(&length), sizeof(length));
    file_.write(reinterpret_cast<const char*>(record.data()),
                static_cast<std::streamsize>(record.size()));
  }
  bool good() const { return file_.good(); }

 private:
  std::ofstream file_;
};

// One record, aligned to 8 bytes as in the ring.
struct RecordedEvent {
  std::vector<uint64_t> storage;
  size_t length = 0;
  std::span<const std::byte> bytes() const {
    return {reinterpret_cast<const std::byte*>(storage.data()), length};
  }
};

// Empty where the file is missing or no recording; stops at a cut record.
inline std::vector<RecordedEvent> read_recording(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic(sizeof(kRecordingMagic) - 1, '\0');
  file.read(magic.data(), static_cast<std::streamsize>(magic.size()));
  std::vector<RecordedEvent> records;
  if (magic != kRecordingMagic) return records;
  uint32_t length = 0;
  while (file.read(reinterpret_cast<char*>(&length), sizeof(length)) && length <= (1u << 20)) {
    RecordedEvent record;
    record.length = length;
    record.storage.resize((length + 7) / 8);
    if (!file.read(reinterpret_cast<char*>(record.storage.data()), length)) break;
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace tacit::harness
