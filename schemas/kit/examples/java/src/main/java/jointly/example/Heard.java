package jointly.example;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Set;

/**
 * What this system has heard: a journal of lines, and the one rule that makes duplicates harmless.
 *
 * <p>A real system writes the id of an event and the work that it causes in one transaction of its database. Here the
 * line of the journal is the work, and it is on the disk before anybody is told that we have it.
 */
final class Heard implements AutoCloseable {
    private final Set<String> ids = new HashSet<>();
    private final FileChannel journal;

    Heard(Path file) throws IOException {
        journal = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        String text = Files.readString(file);
        String whole = text.substring(0, text.lastIndexOf('\n') + 1);
        journal.truncate(whole.getBytes(StandardCharsets.UTF_8).length); // a crash may have left half a line
        journal.position(journal.size());
        whole.lines().forEach(line -> ids.add(line.split("\"")[3]));
    }

    /** Do the work of an event, once. */
    void take(String id, String subject, String type, byte[] data) throws IOException {
        if (!ids.add(id)) {
            return;
        }
        // YOUR WORK COMES HERE. Look at the type, and read the data with your JSON library; pass over types and fields
        // that you do not know, and expect that fields are left out. Ids, subjects and types need no escaping in JSON.
        String line = "{\"id\":\"%s\",\"subject\":\"%s\",\"type\":\"%s\"}\n".formatted(id, subject, type);
        ByteBuffer bytes = StandardCharsets.UTF_8.encode(line);
        while (bytes.hasRemaining()) {
            journal.write(bytes);
        }
        journal.force(false);
        System.out.print(line);
        System.out.flush();
    }

    @Override
    public void close() throws IOException {
        journal.close();
    }
}
