import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import software.amazon.event.ruler.Machine;

/** event-ruler as its own benchmark uses it: one machine, events as JSON texts, one thread; the best of several rounds. */
public class Ruler {
  public static void main(String[] arguments) throws Exception {
    JsonNode rules = new ObjectMapper().readTree(Path.of(arguments[0]).toFile());
    List<String> events = Files.readAllLines(Path.of(arguments[1]));
    Machine machine = new Machine();
    for (Iterator<Map.Entry<String, JsonNode>> each = rules.fields(); each.hasNext(); ) {
      Map.Entry<String, JsonNode> rule = each.next();
      machine.addRule(rule.getKey(), rule.getValue().toString());
    }
    double best = 0;
    long matches = 0;
    for (int round = 0; round < Integer.parseInt(arguments[2]); round++) {
      matches = 0;
      long begun = System.nanoTime();
      for (String event : events) {
        matches += machine.rulesForJSONEvent(event).size();
      }
      best = Math.max(best, events.size() * 1e9 / (System.nanoTime() - begun));
    }
    System.out.println("{\"events_a_second\": " + best + ", \"matches\": " + matches + "}");
  }
}
