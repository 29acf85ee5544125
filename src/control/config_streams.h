// The `streams` of the configuration.
#pragma once

#include <string>
#include <vector>

#include "control/config_files.h"
#include "control/config_kafka.h"
#include "control/section.h"
#include "shape/shape.h"

namespace braid {

// Reads the list under the key `streams` of `top`, if it is there; notes mistakes and gives what is right. What a
// stream says for Kafka goes to `kafka`.
void ReadStreams(const Section& top, const ConfigFiles& files, KafkaReader* kafka, Mistakes* mistakes,
                 std::vector<StreamSpec>* streams);

}  // namespace braid
