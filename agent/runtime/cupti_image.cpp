// SPDX-License-Identifier: Apache-2.0
// The USDT tacit:gpu_batch of the injected library (cupti/): one note in .note.stapsdt (SystemTap,
// "User Space Probe Implementation") tells where its 1-byte nop is, where the counter that switches it
// on, and that address and length of a block lie in the registers of a call's first two arguments.
#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "agent/runtime/known_image.h"

namespace tacit::runtime {
namespace {

constexpr uint64_t kMaxNotesBytes = 1 << 20;
constexpr size_t kMaxPoints = 8;
constexpr uint32_t kStapsdtNote = 3;  // NT_STAPSDT
constexpr uint8_t kNop = 0x90;
constexpr std::string_view kOwner = "stapsdt", kProvider = "tacit", kProbe = "gpu_batch",
                           kArguments = "8@%rdi 8@%rsi";

uint64_t word_at(std::span<const std::byte> bytes, size_t offset) {
  uint64_t word = 0;
  std::memcpy(&word, bytes.data() + offset, sizeof(word));
  return word;
}

// Up to its terminating zero, which `rest` moves behind; without one: nothing.
std::string_view take_string(std::string_view& rest) {
  const size_t end = rest.find('\0');
  if (end == std::string_view::npos) return {};
  const auto text = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return text;
}

struct Note {
  uint64_t location = 0, base = 0, semaphore = 0;
  std::string_view provider, probe, arguments;
};

std::optional<Note> parse_note(std::span<const std::byte> description) {
  constexpr size_t kWords = 3 * sizeof(uint64_t);
  if (description.size() < kWords) return std::nullopt;
  Note note{word_at(description, 0), word_at(description, 8), word_at(description, 16), {}, {}, {}};
  std::string_view rest(reinterpret_cast<const char*>(description.data()) + kWords,
                        description.size() - kWords);
  note.provider = take_string(rest);
  note.probe = take_string(rest);
  note.arguments = take_string(rest);
  return note;
}

// Calls `each` with the description of every note of ours.
template <typename Each>
void for_each_note(std::span<const std::byte> notes, Each each) {
  const auto padded = [](uint64_t size) { return (size + 3) & ~uint64_t{3}; };
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr header;
    std::memcpy(&header, notes.data(), sizeof(header));
    const uint64_t name = sizeof(header), text = name + padded(header.n_namesz);
    const uint64_t end = text + padded(header.n_descsz);
    if (end > notes.size()) return;
    const std::string_view owner(reinterpret_cast<const char*>(notes.data()) + name,
                                 header.n_namesz);
    if (header.n_type == kStapsdtNote && owner.starts_with(kOwner))
      each(notes.subspan(text, header.n_descsz));
    notes = notes.subspan(end);
  }
}

// Empty: `point` is where a probe can be.
std::string find_point(const ElfImage& image, const Note& note, ProbePoint& point) {
  // An image that was moved after linking says so by where this section is now.
  const auto* base = image.section(".stapsdt.base");
  const uint64_t moved = base != nullptr ? base->address - note.base : 0;
  const auto offset = image.file_offset(note.location + moved);
  const auto code = image.read(note.location + moved, 1);
  if (note.arguments != kArguments) return "its USDT's arguments are not in the registers expected";
  if (!offset || code.empty() || std::to_integer<uint8_t>(code[0]) != kNop)
    return "its USDT is not a 1-byte nop";  // 5-byte ones hurt the target: kernel-facts
  point = {.file_offset = *offset, .cookie = 0, .semaphore_offset = 0};
  if (note.semaphore == 0) return {};
  const auto semaphore = image.file_offset(note.semaphore + moved);
  if (!semaphore || *semaphore % sizeof(uint16_t) != 0) return "its USDT's counter is not in the file";
  point.semaphore_offset = *semaphore;
  return {};
}

}  // namespace

void recognise_cupti(const ElfImage& image, const std::string&, KnownImage& known) {
  if (image.machine() != Machine::kX86_64) return;
  const auto* section = image.section(".note.stapsdt");
  if (section == nullptr || section->type != SHT_NOTE) return;
  const auto notes =
      image.read_file(section->file_offset, std::min(section->size_bytes, kMaxNotesBytes));
  ProbePlan plan{.program = "gpu_batch_handed_over"};
  for_each_note(notes, [&](std::span<const std::byte> description) {
    const auto note = parse_note(description);
    if (!note || note->provider != kProvider || note->probe != kProbe) return;
    ProbePoint point;
    const auto why = find_point(image, *note, point);
    if (!why.empty())
      known.refused.push_back("kernels are not seen: " + why);
    else if (plan.points.size() < kMaxPoints)
      plan.points.push_back(point);
  });
  if (!plan.points.empty()) known.probes.push_back(std::move(plan));
}

}  // namespace tacit::runtime
