<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de_DE" sourcelanguage="en">
 <context>
  <name>AboutDialog</name>
  <message>
   <source>About CLIP4Traffic</source>
   <translation>Über CLIP4Traffic</translation>
  </message>
  <message>
   <source>Copy versions</source>
   <translation>Versionen kopieren</translation>
  </message>
  <message>
   <source>Finds driving situations in folders of camera frames by describing them. Everything happens on this machine. The application is under the MIT licence; the images its model learned from are for research only or of unknown terms, as the model card below says.</source>
   <translation>Findet Fahrsituationen in Ordnern mit Kamerabildern anhand einer Beschreibung. Alles geschieht auf diesem Rechner. Die Anwendung steht unter der MIT-Lizenz; die Bilder, aus denen ihr Modell gelernt hat, sind nur für die Forschung freigegeben oder ohne bekannte Bedingungen, siehe die Modellkarte unten.</translation>
  </message>
  <message>
   <source>Licences</source>
   <translation>Lizenzen</translation>
  </message>
  <message>
   <source>Model and licences</source>
   <translation>Modell und Lizenzen</translation>
  </message>
  <message>
   <source>Versions</source>
   <translation>Versionen</translation>
  </message>
 </context>
 <context>
  <name>Actions</name>
  <message>
   <source>About</source>
   <translation>Über</translation>
  </message>
  <message>
   <source>Add a folder…</source>
   <translation>Ordner hinzufügen …</translation>
  </message>
  <message>
   <source>Clear the marks of this query</source>
   <translation>Markierungen dieser Suche löschen</translation>
  </message>
  <message>
   <source>Close the folder</source>
   <translation>Ordner schließen</translation>
  </message>
  <message>
   <source>Compare</source>
   <translation>Vergleichen</translation>
  </message>
  <message>
   <source>Copy paths</source>
   <translation>Pfade kopieren</translation>
  </message>
  <message>
   <source>Details</source>
   <translation>Details</translation>
  </message>
  <message>
   <source>Drive and time on the cards</source>
   <translation>Fahrt und Zeit auf den Karten</translation>
  </message>
  <message>
   <source>Evaluate</source>
   <translation>Bewerten</translation>
  </message>
  <message>
   <source>Export…</source>
   <translation>Exportieren …</translation>
  </message>
  <message>
   <source>Fit a model to your own images</source>
   <translation>Ein Modell an eigene Bilder anpassen</translation>
  </message>
  <message>
   <source>Folders and filters</source>
   <translation>Ordner und Filter</translation>
  </message>
  <message>
   <source>Index again, faster…</source>
   <translation>Neu indizieren, schneller …</translation>
  </message>
  <message>
   <source>Keyboard shortcuts</source>
   <translation>Tastenkürzel</translation>
  </message>
  <message>
   <source>Look for new files</source>
   <translation>Nach neuen Dateien suchen</translation>
  </message>
  <message>
   <source>Make the index anew with the faster network of the model</source>
   <translation>Den Index mit dem schnelleren Netz des Modells neu anlegen</translation>
  </message>
  <message>
   <source>Mark as right (R)</source>
   <translation>Als richtig markieren (R)</translation>
  </message>
  <message>
   <source>Mark as wrong (X)</source>
   <translation>Als falsch markieren (X)</translation>
  </message>
  <message>
   <source>Measure models on labelled queries</source>
   <translation>Modelle an Anfragen mit bekannter Antwort messen</translation>
  </message>
  <message>
   <source>Models…</source>
   <translation>Modelle …</translation>
  </message>
  <message>
   <source>More like this</source>
   <translation>Ähnliche suchen</translation>
  </message>
  <message>
   <source>Open a folder…</source>
   <translation>Ordner öffnen …</translation>
  </message>
  <message>
   <source>Open an address…</source>
   <translation>Adresse öffnen …</translation>
  </message>
  <message>
   <source>Open the sample drive (drawn)</source>
   <translation>Beispielfahrt öffnen (gezeichnet)</translation>
  </message>
  <message>
   <source>Open with another program</source>
   <translation>Mit anderem Programm öffnen</translation>
  </message>
  <message>
   <source>Quit</source>
   <translation>Beenden</translation>
  </message>
  <message>
   <source>Redo</source>
   <translation>Wiederholen</translation>
  </message>
  <message>
   <source>Refine by right and wrong marks</source>
   <translation>Mit richtig und falsch verfeinern</translation>
  </message>
  <message>
   <source>Save this search…</source>
   <translation>Diese Suche speichern …</translation>
  </message>
  <message>
   <source>Search</source>
   <translation>Suchen</translation>
  </message>
  <message>
   <source>Search by the image in the clipboard</source>
   <translation>Nach dem Bild in der Zwischenablage suchen</translation>
  </message>
  <message>
   <source>Search within these results</source>
   <translation>In diesen Ergebnissen suchen</translation>
  </message>
  <message>
   <source>Settings…</source>
   <translation>Einstellungen …</translation>
  </message>
  <message>
   <source>Show in the file manager</source>
   <translation>Im Dateimanager zeigen</translation>
  </message>
  <message>
   <source>Show two models side by side on this query</source>
   <translation>Zwei Modelle bei dieser Anfrage nebeneinander zeigen</translation>
  </message>
  <message>
   <source>Skipped files…</source>
   <translation>Ausgelassene Dateien …</translation>
  </message>
  <message>
   <source>Tag… (T)</source>
   <translation>Schlagwort… (T)</translation>
  </message>
  <message>
   <source>Train…</source>
   <translation>Trainieren …</translation>
  </message>
  <message>
   <source>Undo</source>
   <translation>Rückgängig</translation>
  </message>
  <message>
   <source>Unfold or fold the event (E)</source>
   <translation>Ereignis auf- oder zuklappen (E)</translation>
  </message>
  <message>
   <source>Whole pictures</source>
   <translation>Ganze Bilder</translation>
  </message>
 </context>
 <context>
  <name>AddModelDialog</name>
  <message>
   <source>A folder of a C4T model, or a file with weights of CLIP.</source>
   <translation>Ein Ordner mit einem C4T-Modell oder eine Datei mit CLIP-Gewichten.</translation>
  </message>
  <message>
   <source>Add</source>
   <translation>Hinzufügen</translation>
  </message>
  <message>
   <source>Add a model</source>
   <translation>Modell hinzufügen</translation>
  </message>
  <message>
   <source>An open_clip checkpoint: safetensors, or a file that holds weights only.</source>
   <translation>Ein Checkpoint für open_clip: safetensors oder eine Datei, die nur Gewichte enthält.</translation>
  </message>
  <message>
   <source>Architecture</source>
   <translation>Architektur</translation>
  </message>
  <message>
   <source>Architecture of the checkpoint</source>
   <translation>Architektur des Checkpoints</translation>
  </message>
  <message>
   <source>CLIP checkpoint</source>
   <translation>CLIP-Checkpoint</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>Abbrechen</translation>
  </message>
  <message>
   <source>Checking and copying the model…</source>
   <translation>Modell wird geprüft und kopiert …</translation>
  </message>
  <message>
   <source>Checkpoints (*.safetensors *.pt *.bin);;All files (*)</source>
   <translation>Checkpoints (*.safetensors *.pt *.bin);;Alle Dateien (*)</translation>
  </message>
  <message>
   <source>File…</source>
   <translation>Datei …</translation>
  </message>
  <message>
   <source>Folder of a C4T model</source>
   <translation>Ordner eines C4T-Modells</translation>
  </message>
  <message>
   <source>Folder or file of the model</source>
   <translation>Ordner oder Datei des Modells</translation>
  </message>
  <message>
   <source>Folder…</source>
   <translation>Ordner …</translation>
  </message>
  <message>
   <source>It is checked and copied; the folder stays as it is.</source>
   <translation>Es wird geprüft und kopiert; der Ordner bleibt, wie er ist.</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>Modell</translation>
  </message>
  <message>
   <source>Name</source>
   <translation>Name</translation>
  </message>
  <message>
   <source>There is nothing at this place.</source>
   <translation>An dieser Stelle ist nichts.</translation>
  </message>
  <message>
   <source>by its name and weights</source>
   <translation>nach Name und Gewichten</translation>
  </message>
 </context>
 <context>
  <name>AddressDialog</name>
  <message>
   <source>A table that others have filled. It is reached over the network, with the credentials of this machine; what you search for and mark stays here.</source>
   <translation>Eine Tabelle, die andere gefüllt haben. Sie wird über das Netz erreicht, mit den Zugangsdaten dieses Rechners; was Sie suchen und markieren, bleibt hier.</translation>
  </message>
  <message>
   <source>Address of a table</source>
   <translation>Adresse einer Tabelle</translation>
  </message>
  <message>
   <source>An address begins with its kind, such as s3://.</source>
   <translation>Eine Adresse beginnt mit ihrer Art, etwa s3://.</translation>
  </message>
  <message>
   <source>Open an address</source>
   <translation>Adresse öffnen</translation>
  </message>
  <message>
   <source>The address of a table ends in {0}.</source>
   <translation>Die Adresse einer Tabelle endet auf {0}.</translation>
  </message>
 </context>
 <context>
  <name>CardDelegate</name>
  <message>
   <source>{0} frames</source>
   <translation>{0} Bilder</translation>
  </message>
 </context>
 <context>
  <name>Chooser</name>
  <message>
   <source>Choose all</source>
   <translation>Alle wählen</translation>
  </message>
  <message>
   <source>Choose none</source>
   <translation>Keine wählen</translation>
  </message>
  <message>
   <source>Type to find…</source>
   <translation>Zum Finden tippen…</translation>
  </message>
  <message>
   <source>any</source>
   <translation>alle</translation>
  </message>
  <message>
   <source>{0} chosen</source>
   <translation>{0} gewählt</translation>
  </message>
 </context>
 <context>
  <name>ColumnsRow</name>
  <message>
   <source>Caption column</source>
   <translation>Spalte der Bildtexte</translation>
  </message>
  <message>
   <source>Column of the caption</source>
   <translation>Spalte des Bildtexts</translation>
  </message>
  <message>
   <source>Column of the image</source>
   <translation>Spalte des Bildes</translation>
  </message>
  <message>
   <source>Image column</source>
   <translation>Spalte der Bilder</translation>
  </message>
 </context>
 <context>
  <name>CompareDelegate</name>
  <message>
   <source>only here</source>
   <translation>nur hier</translation>
  </message>
  <message>
   <source>same rank</source>
   <translation>gleicher Rang</translation>
  </message>
 </context>
 <context>
  <name>ComparePanel</name>
  <message>
   <source>Back to one model (Esc)</source>
   <translation>Zurück zu einem Modell (Esc)</translation>
  </message>
  <message>
   <source>Choose another model on one side to compare them.</source>
   <translation>Auf einer Seite ein anderes Modell wählen, um zu vergleichen.</translation>
  </message>
  <message>
   <source>Indexing: {done} of {total}</source>
   <translation>Indizieren: {done} von {total}</translation>
  </message>
  <message>
   <source>Of the first {depth} hits: {shared} shared · {left} only {a} · {right} only {b}</source>
   <translation>Von den ersten {depth} Treffern: {shared} gemeinsam · {left} nur {a} · {right} nur {b}</translation>
  </message>
  <message>
   <source>Searching with both models…</source>
   <translation>Beide Modelle suchen …</translation>
  </message>
  <message>
   <source>There is no other model here: add or download one in “Models”.</source>
   <translation>Hier ist kein anderes Modell: Unter „Modelle“ lässt sich eines hinzufügen oder herunterladen.</translation>
  </message>
  <message>
   <source>Type a question to compare two models on it.</source>
   <translation>Eine Anfrage eingeben, um zwei Modelle daran zu vergleichen.</translation>
  </message>
  <message>
   <source>{0} has not seen these frames yet; index them to compare.</source>
   <translation>{0} kennt diese Bilder noch nicht; zum Vergleichen zuerst indizieren.</translation>
  </message>
 </context>
 <context>
  <name>Core</name>
  <message>
   <source>"@" must be followed by the path of an image, such as @frame.jpg.</source>
   <translation>Auf „@“ muss der Pfad eines Bildes folgen, etwa @frame.jpg.</translation>
  </message>
  <message>
   <source>"{0}" cannot be read; write a whole number, such as {1}&gt;=2, or a place: {2}.</source>
   <translation>„{0}“ lässt sich nicht lesen; eine ganze Zahl schreiben, etwa {1}&gt;=2, oder einen Ort: {2}.</translation>
  </message>
  <message>
   <source>"{0}" has no pairs of the split "{1}"; the splits there are: {2}.</source>
   <translation>„{0}“ hat keine Paare des Teils „{1}“; vorhandene Teile: {2}.</translation>
  </message>
  <message>
   <source>"{0}" holds for all frames or for none; write another number.</source>
   <translation>„{0}“ gilt für alle Bilder oder für keines; eine andere Zahl schreiben.</translation>
  </message>
  <message>
   <source>"{0}" is not a folder; name the one that SearchAD lies in.</source>
   <translation>„{0}“ ist kein Ordner; den nennen, in dem SearchAD liegt.</translation>
  </message>
  <message>
   <source>"{0}" reads only the beginning of {1} of {2} texts, of one up to "{3}".</source>
   <translation>„{0}“ liest nur den Anfang von {1} der {2} Texte, bei einem bis „{3}“.</translation>
  </message>
  <message>
   <source>"{0}" restricts the hits and takes no weight; leave it out.</source>
   <translation>„{0}“ schränkt die Treffer ein und hat kein Gewicht; es weglassen.</translation>
  </message>
  <message>
   <source>A C4T model ({0}).</source>
   <translation>Ein C4T-Modell ({0}).</translation>
  </message>
  <message>
   <source>A blend with {0} of the new weights is kept</source>
   <translation>Behalten wird eine Mischung mit {0} der neuen Gewichte</translation>
  </message>
  <message>
   <source>A condition cannot be taken away; write "no:car", or "person&lt;3".</source>
   <translation>Eine Bedingung lässt sich nicht abziehen; „no:car“ schreiben oder „person&lt;3“.</translation>
  </message>
  <message>
   <source>A term of the query has no words; write one after each "+" and "-".</source>
   <translation>Ein Begriff der Anfrage hat keine Wörter; nach jedem „+“ und „-“ einen schreiben.</translation>
  </message>
  <message>
   <source>A weight must be above zero, such as 2:truck or 0.5:rain.</source>
   <translation>Ein Gewicht muss größer als null sein, etwa 2:truck oder 0.5:rain.</translation>
  </message>
  <message>
   <source>C4T's own sentences</source>
   <translation>eigenen Sätzen von C4T</translation>
  </message>
  <message>
   <source>CLIP ViT-B-32 with OpenAI's weights, the yardstick of evaluations.</source>
   <translation>CLIP ViT-B-32 mit den Gewichten von OpenAI, der Maßstab der Auswertungen.</translation>
  </message>
  <message>
   <source>CLIP {0}, weights from {1}.</source>
   <translation>CLIP {0}, Gewichte von {1}.</translation>
  </message>
  <message>
   <source>Every blend forgot too, so the old weights are kept</source>
   <translation>Auch jede Mischung hat vergessen, daher bleiben die alten Gewichte</translation>
  </message>
  <message>
   <source>Fine-tuning did not help on the held-out drives: {0} before, {1} after. The old model is the one to use.</source>
   <translation>Das Nachtrainieren hat auf den zurückgehaltenen Fahrten nicht geholfen: {0} vorher, {1} nachher. Das alte Modell ist das bessere.</translation>
  </message>
  <message>
   <source>Images are missing, so these figures cannot be set beside others of this split.</source>
   <translation>Es fehlen Bilder, daher sind diese Zahlen mit anderen dieses Teils nicht vergleichbar.</translation>
  </message>
  <message>
   <source>In {0}, "{1}" is not understood and left out (of {2}).</source>
   <translation>In {0} wird „{1}“ nicht verstanden und ausgelassen (bei {2}).</translation>
  </message>
  <message>
   <source>It is restricted by "{0}", which this version does not know; update this program to run the search.</source>
   <translation>Sie ist durch „{0}“ eingeschränkt, was diese Version nicht kennt; das Programm aktualisieren, um die Suche auszuführen.</translation>
  </message>
  <message>
   <source>Its filters cannot be read; save the search again, or remove it.</source>
   <translation>Ihre Filter lassen sich nicht lesen; die Suche neu speichern oder entfernen.</translation>
  </message>
  <message>
   <source>Left out: {0}.</source>
   <translation>Ausgelassen: {0}.</translation>
  </message>
  <message>
   <source>No drives were held out, so nobody knows whether this helped; add pairs of another drive or a split column.</source>
   <translation>Es wurden keine Fahrten zurückgehalten, daher weiß niemand, ob es geholfen hat; Paare einer weiteren Fahrt oder eine Spalte „split“ hinzufügen.</translation>
  </message>
  <message>
   <source>No frame is marked as right yet; mark hits with R and X in the results, then evaluate again.</source>
   <translation>Noch ist kein Bild als richtig markiert; Treffer mit R und X markieren, dann neu auswerten.</translation>
  </message>
  <message>
   <source>No objects "{0}" are known ("{1}"); known are: {2}.</source>
   <translation>Objekte „{0}“ sind nicht bekannt („{1}“); bekannt sind: {2}.</translation>
  </message>
  <message>
   <source>None of the images of "{0}" are among the pairs (it has "{1}", the pairs have "{2}"); both must be relative to the images' folder.</source>
   <translation>Keines der Bilder von „{0}“ ist unter den Paaren (dort „{1}“, in den Paaren „{2}“); beide müssen relativ zum Ordner der Bilder sein.</translation>
  </message>
  <message>
   <source>None of the images that are there shows any of the 90 labels, so there is nothing to score; add a source.</source>
   <translation>Keines der vorhandenen Bilder zeigt eines der 90 Labels, es gibt also nichts zu bewerten; eine Quelle hinzufügen.</translation>
  </message>
  <message>
   <source>None of the {0} images can be read, the first because: {1}; check the images' folder.</source>
   <translation>Keines der {0} Bilder lässt sich lesen, das erste, weil: {1}; den Ordner der Bilder prüfen.</translation>
  </message>
  <message>
   <source>None of the {0} images can be read, the first because: {1}; check the sources' folders.</source>
   <translation>Keines der {0} Bilder lässt sich lesen, das erste, weil: {1}; die Ordner der Quellen prüfen.</translation>
  </message>
  <message>
   <source>None of the {0} images of the split {1} is there: {2}, and so on; unpack the sources into the folder.</source>
   <translation>Keines der {0} Bilder des Teils {1} ist da: {2} und so weiter; die Quellen in den Ordner entpacken.</translation>
  </message>
  <message>
   <source>None of the {0} queries has a relevant image among these {1}; give queries that ask for something the images show.</source>
   <translation>Keine der {0} Anfragen hat ein richtiges Bild unter diesen {1}; nach etwas fragen, das die Bilder zeigen.</translation>
  </message>
  <message>
   <source>SearchAD's default queries</source>
   <translation>den Standardanfragen von SearchAD</translation>
  </message>
  <message>
   <source>SearchAD, split {0}: {1} of {2} images of {3} sources, asked with {4} in {5} mode.</source>
   <translation>SearchAD, Teil {0}: {1} von {2} Bildern aus {3} Quellen, gefragt mit {4} (Art: {5}).</translation>
  </message>
  <message>
   <source>The address "{0}" carries a user, a password or a signature; leave them out and give them as the environment variables of the storage, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.</source>
   <translation>Die Adresse „{0}“ enthält einen Benutzer, ein Passwort oder eine Signatur; lassen Sie sie weg und geben Sie sie als Umgebungsvariablen des Speichers an, etwa AWS_ACCESS_KEY_ID und AWS_SECRET_ACCESS_KEY.</translation>
  </message>
  <message>
   <source>The box {0} {1} {2} {3} of the image query "{4}" lies outside of its {5} x {6} pixels; get the image again.</source>
   <translation>Der Rahmen {0} {1} {2} {3} der Bildanfrage „{4}“ liegt außerhalb ihrer {5} x {6} Pixel; das Bild neu holen.</translation>
  </message>
  <message>
   <source>The captions name no class that some images have and others lack, so there is nothing to search for; give --scenes or --queries, or pairs with more variety.</source>
   <translation>Die Bildtexte nennen keine Klasse, die manche Bilder haben und andere nicht, es gibt also nichts zu suchen; Referenzdaten angeben oder vielfältigere Paare.</translation>
  </message>
  <message>
   <source>The image encoder itself learned, and the real frames that came with the model are kept as what the old one saw in them: what was forgotten of weather, roads, night and the like, was not measured and not rehearsed. Give photographs of your own with --general, or keep the encoders with --freeze encoders.</source>
   <translation>Auch der Bildencoder hat gelernt, und die echten Aufnahmen, die dem Modell beilagen, sind nur so erhalten, wie das alte sie sah: Was von Wetter, Straßen, Nacht und dergleichen vergessen wurde, wurde nicht gemessen und nicht geübt. Besser nur die Köpfe lernen lassen, oder auf der Kommandozeile eigene Aufnahmen angeben (c4t train).</translation>
  </message>
  <message>
   <source>The image query "{0}" cannot be read: {1}.</source>
   <translation>Die Bildanfrage „{0}“ lässt sich nicht lesen: {1}.</translation>
  </message>
  <message>
   <source>The index of "{0}" was made by the earlier model; run c4t index "{1}", then measure again.</source>
   <translation>Den Index von „{0}“ hat das frühere Modell gemacht; ihn aktualisieren (c4t index "{1}") und neu messen.</translation>
  </message>
  <message>
   <source>The model that comes with C4T: small, made for traffic scenes, runs on any CPU.</source>
   <translation>Das Modell, das mit C4T kommt: klein, für Verkehrsszenen gemacht, läuft auf jeder CPU.</translation>
  </message>
  <message>
   <source>The model that comes with the application is missing from this installation; install the application again.</source>
   <translation>Das Modell, das mit der Anwendung kommt, fehlt in dieser Installation; die Anwendung neu installieren.</translation>
  </message>
  <message>
   <source>The new weights alone did not help on the held-out drives: {0} before, {1} after. {2}, which scores {3}.</source>
   <translation>Die neuen Gewichte allein haben auf den zurückgehaltenen Fahrten nicht geholfen: {0} vorher, {1} nachher. {2}; damit sind es {3}.</translation>
  </message>
  <message>
   <source>The new weights alone forgot: {0}. {1}.</source>
   <translation>Die neuen Gewichte allein haben vergessen: {0}. {1}.</translation>
  </message>
  <message>
   <source>The only query has no relevant image among these {0}; give queries that ask for something the images show.</source>
   <translation>Die einzige Anfrage hat kein richtiges Bild unter diesen {0}; nach etwas fragen, das die Bilder zeigen.</translation>
  </message>
  <message>
   <source>The query is empty; describe what to look for, such as "truck in snow".</source>
   <translation>Die Anfrage ist leer; beschreiben, wonach gesucht wird, etwa „truck in snow“.</translation>
  </message>
  <message>
   <source>The scenes tell no images apart, so the captions are asked instead.</source>
   <translation>Die Referenzdaten unterscheiden keine Bilder, daher werden die Bildtexte gefragt.</translation>
  </message>
  <message>
   <source>There are fewer than {0} images: P@n of this page counts empty places as wrong; scores.json follows SearchAD and counts up to the last image.</source>
   <translation>Es sind weniger als {0} Bilder: P@n zählt hier leere Plätze als falsch; scores.json folgt SearchAD und zählt bis zum letzten Bild.</translation>
  </message>
  <message>
   <source>There are no images to evaluate on; check the pairs and --images.</source>
   <translation>Es gibt keine Bilder zum Auswerten; die Paare und den Ordner der Bilder prüfen.</translation>
  </message>
  <message>
   <source>There are only {0} images: precision at more hits, up to {1}, counts the empty places as wrong, and recall there is 1 for every model.</source>
   <translation>Es sind nur {0} Bilder: Die Genauigkeit bei mehr Treffern, bis {1}, zählt die leeren Plätze als falsch, und die Trefferquote ist dort für jedes Modell 1.</translation>
  </message>
  <message>
   <source>There is no model folder "{0}"; check the path.</source>
   <translation>Es gibt keinen Modellordner „{0}“; den Pfad prüfen.</translation>
  </message>
  <message>
   <source>There is no model to evaluate; name one with --model.</source>
   <translation>Es gibt kein Modell zum Auswerten; eines wählen.</translation>
  </message>
  <message>
   <source>There is no {0} folder, so C4T's own sentences are asked.</source>
   <translation>Es gibt keinen Ordner {0}, daher wird mit eigenen Sätzen von C4T gefragt.</translation>
  </message>
  <message>
   <source>This index was made by the earlier model, which can no longer look for a picture; index the folder again to update it, or describe it in words.</source>
   <translation>Dieser Index stammt vom früheren Modell, das nicht mehr nach einem Bild suchen kann; den Ordner neu indizieren oder in Worten beschreiben.</translation>
  </message>
  <message>
   <source>What is ignored for a label is in no ranking of it; equal similarities rank by path.</source>
   <translation>Was für ein Label nicht zählt, ist in keiner seiner Rangfolgen; gleiche Ähnlichkeiten ordnet der Pfad.</translation>
  </message>
  <message>
   <source>a folder, not an image</source>
   <translation>ein Ordner, kein Bild</translation>
  </message>
  <message>
   <source>a link that leads out of the folder of its table, so it is not read</source>
   <translation>eine Verknüpfung, die aus dem Ordner ihrer Tabelle führt, daher wird sie nicht gelesen</translation>
  </message>
  <message>
   <source>a picture in {0}, which this Pillow cannot read; update Pillow</source>
   <translation>ein Bild in {0}, das dieses Pillow nicht liest; Pillow aktualisieren</translation>
  </message>
  <message>
   <source>a quotation mark opens here and is not closed</source>
   <translation>hier öffnet ein Anführungszeichen und wird nicht geschlossen</translation>
  </message>
  <message>
   <source>access to its address was denied; check your credentials</source>
   <translation>der Zugriff auf seine Adresse wurde verweigert; prüfen Sie Ihre Zugangsdaten</translation>
  </message>
  <message>
   <source>an empty file</source>
   <translation>eine leere Datei</translation>
  </message>
  <message>
   <source>cannot be read ({0})</source>
   <translation>nicht lesbar ({0})</translation>
  </message>
  <message>
   <source>damaged ({0})</source>
   <translation>beschädigt ({0})</translation>
  </message>
  <message>
   <source>damaged or cut short ({0})</source>
   <translation>beschädigt oder abgeschnitten ({0})</translation>
  </message>
  <message>
   <source>damaged or cut short, or a {0} of a rare kind (its decoder does not know what is inside); convert it to PNG</source>
   <translation>beschädigt, abgeschnitten oder ein seltenes {0} (der Dekoder kennt den Inhalt nicht); in PNG umwandeln</translation>
  </message>
  <message>
   <source>images of up to {0} million pixels are read</source>
   <translation>gelesen werden Bilder bis {0} Millionen Pixel</translation>
  </message>
  <message>
   <source>it cannot be kept, as the disk is full; make room</source>
   <translation>es kann nicht aufbewahrt werden, da das Laufwerk voll ist; schaffen Sie Platz</translation>
  </message>
  <message>
   <source>it has no rows</source>
   <translation>es gibt keine Zeilen</translation>
  </message>
  <message>
   <source>its address cannot be reached; check the connection</source>
   <translation>seine Adresse ist nicht erreichbar; prüfen Sie die Verbindung</translation>
  </message>
  <message>
   <source>its address took too long to answer; try again later</source>
   <translation>seine Adresse hat zu lange nicht geantwortet; versuchen Sie es später noch einmal</translation>
  </message>
  <message>
   <source>its colours cannot be converted</source>
   <translation>die Farben lassen sich nicht umwandeln</translation>
  </message>
  <message>
   <source>its decoder does not know what is inside</source>
   <translation>der Dekoder kennt den Inhalt nicht</translation>
  </message>
  <message>
   <source>its server sends on to another address, so it is not fetched</source>
   <translation>sein Server verweist auf eine andere Adresse, daher wird es nicht geholt</translation>
  </message>
  <message>
   <source>left out by the folder's rules, so it was not indexed</source>
   <translation>von den Regeln des Ordners ausgelassen, daher nicht indiziert</translation>
  </message>
  <message>
   <source>line {0}: {1}</source>
   <translation>Zeile {0}: {1}</translation>
  </message>
  <message>
   <source>line {0}: {1}; {2}</source>
   <translation>Zeile {0}: {1}; {2}</translation>
  </message>
  <message>
   <source>needs more memory than there is</source>
   <translation>braucht mehr Speicher, als da ist</translation>
  </message>
  <message>
   <source>no permission to read it</source>
   <translation>keine Berechtigung zum Lesen</translation>
  </message>
  <message>
   <source>none of its {0} images is there</source>
   <translation>keines seiner {0} Bilder ist da</translation>
  </message>
  <message>
   <source>not a regular file (a pipe, socket or device)</source>
   <translation>keine gewöhnliche Datei (Pipe, Socket oder Gerät)</translation>
  </message>
  <message>
   <source>not an image, whatever its name says; it can be left out</source>
   <translation>kein Bild, was auch der Name sagt; kann ausgelassen werden</translation>
  </message>
  <message>
   <source>not below an address that was opened, so it is not fetched</source>
   <translation>nicht unter einer geöffneten Adresse, daher wird es nicht geholt</translation>
  </message>
  <message>
   <source>not fetched, as you have not agreed to it yet</source>
   <translation>nicht geholt, da Sie dem noch nicht zugestimmt haben</translation>
  </message>
  <message>
   <source>of a kind that is not read ({0}); convert it to PNG or JPEG</source>
   <translation>von einer Art, die nicht gelesen wird ({0}); in PNG oder JPEG umwandeln</translation>
  </message>
  <message>
   <source>the caption holds bytes that are not UTF-8</source>
   <translation>der Bildtext enthält Bytes, die kein UTF-8 sind</translation>
  </message>
  <message>
   <source>the caption is empty</source>
   <translation>der Bildtext ist leer</translation>
  </message>
  <message>
   <source>the caption is missing ("{0}" stands for none)</source>
   <translation>der Bildtext fehlt („{0}“ steht für keinen)</translation>
  </message>
  <message>
   <source>the caption is not a text</source>
   <translation>der Bildtext ist kein Text</translation>
  </message>
  <message>
   <source>the file is gone</source>
   <translation>die Datei ist weg</translation>
  </message>
  <message>
   <source>the image is a list of {0} and not the name of one file</source>
   <translation>das Bild ist eine Liste von {0} und nicht der Name einer Datei</translation>
  </message>
  <message>
   <source>the image is an object ({0}) without the name of a file</source>
   <translation>das Bild ist ein Objekt ({0}) ohne Namen einer Datei</translation>
  </message>
  <message>
   <source>the image {0} is missing</source>
   <translation>das Bild {0} fehlt</translation>
  </message>
  <message>
   <source>the path of the image holds a NUL byte</source>
   <translation>der Pfad des Bildes enthält ein NUL-Byte</translation>
  </message>
  <message>
   <source>the path of the image holds bytes that are not UTF-8</source>
   <translation>der Pfad des Bildes enthält Bytes, die kein UTF-8 sind</translation>
  </message>
  <message>
   <source>the path {0} leaves the images' folder</source>
   <translation>der Pfad {0} verlässt den Ordner der Bilder</translation>
  </message>
  <message>
   <source>the rest of it is zeros</source>
   <translation>der Rest besteht aus Nullen</translation>
  </message>
  <message>
   <source>the same image and caption as in line {0}</source>
   <translation>Bild und Bildtext wie in Zeile {0}</translation>
  </message>
  <message>
   <source>there is no image</source>
   <translation>es gibt kein Bild</translation>
  </message>
  <message>
   <source>there is nothing at its address any more</source>
   <translation>unter seiner Adresse liegt nichts mehr</translation>
  </message>
  <message>
   <source>this annotation belongs to no image of the file</source>
   <translation>diese Annotation gehört zu keinem Bild der Datei</translation>
  </message>
  <message>
   <source>this line is not JSON</source>
   <translation>diese Zeile ist kein JSON</translation>
  </message>
  <message>
   <source>this line is not an object</source>
   <translation>diese Zeile ist kein Objekt</translation>
  </message>
  <message>
   <source>this record is not an object</source>
   <translation>dieser Eintrag ist kein Objekt</translation>
  </message>
  <message>
   <source>this row has {0} cells, but there are {1} columns</source>
   <translation>diese Zeile hat {0} Zellen, es gibt aber {1} Spalten</translation>
  </message>
  <message>
   <source>too large a file; {0}</source>
   <translation>eine zu große Datei; {0}</translation>
  </message>
  <message>
   <source>too large to be fetched; up to {0} MB are</source>
   <translation>zu groß zum Holen; geholt werden bis zu {0} MB</translation>
  </message>
  <message>
   <source>too large: {0}</source>
   <translation>zu groß: {0}</translation>
  </message>
  <message>
   <source>too large: {0} x {1} pixels; {2}</source>
   <translation>zu groß: {0} x {1} Pixel; {2}</translation>
  </message>
  <message>
   <source>{0} boxes of labels beside the 90 are left out.</source>
   <translation>{0} Rahmen anderer als der 90 Labels sind ausgelassen.</translation>
  </message>
  <message>
   <source>{0} has no column that is known to hold the {1}; choose among {2}, on the command line with --image-column and --caption-column</source>
   <translation>{0} hat keine Spalte, die als {1} bekannt ist; unter {2} wählen</translation>
  </message>
  <message>
   <source>{0} has no column {1}; it has {2}</source>
   <translation>{0} hat keine Spalte {1}; vorhanden: {2}</translation>
  </message>
  <message>
   <source>{0} has no image query whose image is there. Ask with --mode language.</source>
   <translation>{0} hat keine Bildanfrage, deren Bild da ist. In Worten fragen.</translation>
  </message>
  <message>
   <source>{0} has no image query whose image is there; {1}. Ask with --mode language.</source>
   <translation>{0} hat keine Bildanfrage, deren Bild da ist; {1}. In Worten fragen.</translation>
  </message>
  <message>
   <source>{0} has no text for {1}, so C4T's own sentences are asked for all labels.</source>
   <translation>{0} hat keinen Text für {1}, daher wird für alle Labels mit eigenen Sätzen von C4T gefragt.</translation>
  </message>
  <message>
   <source>{0} has no text that is understood for {1}; ask with C4T's own sentences (--queries own).</source>
   <translation>{0} hat keinen verständlichen Text für {1}; mit eigenen Sätzen von C4T fragen.</translation>
  </message>
  <message>
   <source>{0} holds labels and no captions; make pairs of it with c4t caption coco</source>
   <translation>{0} enthält Labels und keine Bildtexte; Paare daraus aus Labels erzeugen</translation>
  </message>
  <message>
   <source>{0} holds no row that can be read; save it as UTF-8 CSV</source>
   <translation>{0} enthält keine lesbare Zeile; als CSV in UTF-8 speichern</translation>
  </message>
  <message>
   <source>{0} holds no usable pair ({1}); mend these lines or check that {2} is the folder of the images</source>
   <translation>{0} enthält kein brauchbares Paar ({1}); diese Zeilen berichtigen oder prüfen, ob {2} der Ordner der Bilder ist</translation>
  </message>
  <message>
   <source>{0} holds no usable pair ({1}); mend these lines, choose another column for the image ({2}; --image-column) or check that {3} is the folder of the images</source>
   <translation>{0} enthält kein brauchbares Paar ({1}); diese Zeilen berichtigen, eine andere Spalte für das Bild wählen ({2}) oder prüfen, ob {3} der Ordner der Bilder ist</translation>
  </message>
  <message>
   <source>{0} holds no {1}; save them as CSV or JSON lines</source>
   <translation>{0} enthält keine „{1}“; als CSV oder JSON-Zeilen speichern</translation>
  </message>
  <message>
   <source>{0} image queries are left out, as their images are not there.</source>
   <translation>{0} Bildanfragen sind ausgelassen, da ihre Bilder fehlen.</translation>
  </message>
  <message>
   <source>{0} images have no embedding and are ranked last.</source>
   <translation>{0} Bilder haben keinen Vektor und stehen am Ende.</translation>
  </message>
  <message>
   <source>{0} is a link that leaves the images' folder</source>
   <translation>{0} ist ein Verweis, der den Ordner der Bilder verlässt</translation>
  </message>
  <message>
   <source>{0} is an address in the web, not the name of a file</source>
   <translation>{0} ist eine Adresse im Web, nicht der Name einer Datei</translation>
  </message>
  <message>
   <source>{0} is empty; it needs a column of {1} and one of {2}</source>
   <translation>{0} ist leer; nötig sind eine Spalte mit {1} und eine mit {2}</translation>
  </message>
  <message>
   <source>{0} is no text; save it as UTF-8 CSV</source>
   <translation>{0} ist kein Text; als CSV in UTF-8 speichern</translation>
  </message>
  <message>
   <source>{0} is not a file</source>
   <translation>{0} ist keine Datei</translation>
  </message>
  <message>
   <source>{0} is not a folder; name the folder of the images</source>
   <translation>{0} ist kein Ordner; den Ordner der Bilder nennen</translation>
  </message>
  <message>
   <source>{0} knows nothing of {1} of the {2} images; they are in no ranking of its queries.</source>
   <translation>{0} weiß nichts von {1} der {2} Bilder; sie sind in keiner Rangfolge seiner Anfragen.</translation>
  </message>
  <message>
   <source>{0} needs more packages ({1}); install them with: {2}</source>
   <translation>{0} braucht weitere Pakete ({1}); installieren mit: {2}</translation>
  </message>
  <message>
   <source>{0} of its {1} images are missing, such as {2}</source>
   <translation>{0} seiner {1} Bilder fehlen, etwa {2}</translation>
  </message>
  <message>
   <source>{0} of {1} queries are longer than "{2}" reads, and it answers their beginnings, one up to "{3}"; put what matters first, or shorten them.</source>
   <translation>{0} von {1} Anfragen sind länger, als „{2}“ liest; es beantwortet ihre Anfänge, eine bis „{3}“; das Wichtige nach vorn stellen oder kürzen.</translation>
  </message>
  <message>
   <source>{0} of {1} queries is longer than "{2}" reads, and it answers their beginnings, one up to "{3}"; put what matters first, or shorten them.</source>
   <translation>{0} von {1} Anfragen ist länger, als „{2}“ liest; es beantwortet ihren Anfang, bis „{3}“; das Wichtige nach vorn stellen oder kürzen.</translation>
  </message>
  <message>
   <source>{0}, line {1}: {2}</source>
   <translation>{0}, Zeile {1}: {2}</translation>
  </message>
  <message>
   <source>{0}: {1}; {2} has them ({3}) at {4}</source>
   <translation>{0}: {1}; {2} hat sie ({3}) unter {4}</translation>
  </message>
  <message>
   <source>{0}:{1} is not valid JSON; mend it or save the {2} as CSV</source>
   <translation>{0}:{1} ist kein gültiges JSON; berichtigen oder „{2}“ als CSV speichern</translation>
  </message>
 </context>
 <context>
  <name>DateRange</name>
  <message>
   <source>From</source>
   <translation>Von</translation>
  </message>
  <message>
   <source>Until</source>
   <translation>Bis</translation>
  </message>
  <message>
   <source>any</source>
   <translation>alle</translation>
  </message>
 </context>
 <context>
  <name>Desktop</name>
  <message>
   <source>Nothing can be kept</source>
   <translation>Nichts kann gespeichert werden</translation>
  </message>
  <message>
   <source>Nothing can be kept in "{folder}" ({reason}): make the folder writable, free some space on its disk, or set C4T_DATA_DIR to another folder; until then marks, searches and settings are lost at the end.</source>
   <translation>In „{folder}“ kann nichts gespeichert werden ({reason}): den Ordner beschreibbar machen, auf seinem Datenträger Platz schaffen oder C4T_DATA_DIR auf einen anderen Ordner setzen; bis dahin gehen Markierungen, Suchen und Einstellungen am Ende verloren.</translation>
  </message>
  <message>
   <source>{0} frame was added to {1}.</source>
   <translation>{0} Bild wurde zu {1} hinzugefügt.</translation>
  </message>
  <message>
   <source>{0} frames were added to {1}.</source>
   <translation>{0} Bilder wurden zu {1} hinzugefügt.</translation>
  </message>
 </context>
 <context>
  <name>DetailsPanel</name>
  <message>
   <source>CAPTIONS</source>
   <translation>BESCHREIBUNGEN</translation>
  </message>
  <message>
   <source>Changed</source>
   <translation>Geändert</translation>
  </message>
  <message>
   <source>Confidence</source>
   <translation>Sicherheit</translation>
  </message>
  <message>
   <source>Copy path</source>
   <translation>Pfad kopieren</translation>
  </message>
  <message>
   <source>Details</source>
   <translation>Details</translation>
  </message>
  <message>
   <source>Double-click or press Enter in the results to enlarge</source>
   <translation>Doppelklick oder Eingabetaste in den Ergebnissen vergrößert</translation>
  </message>
  <message>
   <source>Drive</source>
   <translation>Fahrt</translation>
  </message>
  <message>
   <source>File</source>
   <translation>Datei</translation>
  </message>
  <message>
   <source>Folder</source>
   <translation>Ordner</translation>
  </message>
  <message>
   <source>Frame</source>
   <translation>Bild</translation>
  </message>
  <message>
   <source>More like this</source>
   <translation>Ähnliche suchen</translation>
  </message>
  <message>
   <source>NEIGHBOURS IN TIME</source>
   <translation>ZEITLICHE NACHBARN</translation>
  </message>
  <message>
   <source>Neighbours in time</source>
   <translation>Zeitliche Nachbarn</translation>
  </message>
  <message>
   <source>Open</source>
   <translation>Öffnen</translation>
  </message>
  <message>
   <source>Open with another program (Ctrl+Return)</source>
   <translation>Mit anderem Programm öffnen (Strg+Eingabe)</translation>
  </message>
  <message>
   <source>SIMILAR FRAMES</source>
   <translation>ÄHNLICHE BILDER</translation>
  </message>
  <message>
   <source>Score</source>
   <translation>Wert</translation>
  </message>
  <message>
   <source>Select a frame to see its details.</source>
   <translation>Ein Bild auswählen, um Details zu sehen.</translation>
  </message>
  <message>
   <source>Show</source>
   <translation>Zeigen</translation>
  </message>
  <message>
   <source>Show in the file manager (Ctrl+R)</source>
   <translation>Im Dateimanager zeigen (Strg+R)</translation>
  </message>
  <message>
   <source>Similar frames</source>
   <translation>Ähnliche Bilder</translation>
  </message>
  <message>
   <source>WHAT THE MODEL SEES</source>
   <translation>WAS DAS MODELL SIEHT</translation>
  </message>
  <message>
   <source>and {0} more</source>
   <translation>und {0} weitere</translation>
  </message>
  <message>
   <source>not there now</source>
   <translation>gerade nicht da</translation>
  </message>
  <message>
   <source>{0} · rank {1}</source>
   <translation>{0} · Rang {1}</translation>
  </message>
 </context>
 <context>
  <name>DownloadDialog</name>
  <message>
   <source>Another model of open_clip</source>
   <translation>Ein anderes Modell von open_clip</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>Abbrechen</translation>
  </message>
  <message>
   <source>Download a model</source>
   <translation>Ein Modell herunterladen</translation>
  </message>
  <message>
   <source>Download…</source>
   <translation>Herunterladen …</translation>
  </message>
  <message>
   <source>Good for</source>
   <translation>Gut für</translation>
  </message>
  <message>
   <source>Licence</source>
   <translation>Lizenz</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>Modell</translation>
  </message>
  <message>
   <source>Models to download</source>
   <translation>Modelle zum Herunterladen</translation>
  </message>
  <message>
   <source>Size</source>
   <translation>Größe</translation>
  </message>
  <message>
   <source>The exact size is shown before anything is fetched.</source>
   <translation>Die genaue Größe wird gezeigt, bevor etwas geladen wird.</translation>
  </message>
  <message>
   <source>The licence of this one is not known here; its page on Hugging Face tells it.</source>
   <translation>Die Lizenz dieses Modells ist hier nicht bekannt; sie steht auf seiner Seite bei Hugging Face.</translation>
  </message>
  <message>
   <source>another one: ARCHITECTURE/PRETRAINED of open_clip</source>
   <translation>ein anderes: ARCHITECTURE/PRETRAINED von open_clip</translation>
  </message>
  <message>
   <source>questions in many languages</source>
   <translation>Fragen in vielen Sprachen</translation>
  </message>
  <message>
   <source>research only</source>
   <translation>nur Forschung</translation>
  </message>
  <message>
   <source>slow machines; non-commercial research only</source>
   <translation>langsame Rechner; nur für nichtkommerzielle Forschung</translation>
  </message>
  <message>
   <source>small things: it sees 384 pixels a side</source>
   <translation>kleine Dinge: es sieht 384 Pixel je Seite</translation>
  </message>
  <message>
   <source>the yardstick that others compare with</source>
   <translation>der Maßstab, mit dem andere vergleichen</translation>
  </message>
  <message>
   <source>the yardstick's network, taught on more pictures</source>
   <translation>das Netz des Maßstabs, mit mehr Bildern gelernt</translation>
  </message>
 </context>
 <context>
  <name>EvaluationPanel</name>
  <message>
   <source>Back to the hits (Esc)</source>
   <translation>Zurück zu den Treffern (Esc)</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>Abbrechen</translation>
  </message>
  <message>
   <source>Choose where the report's folder is made</source>
   <translation>Wählen, wo der Ordner des Berichts angelegt wird</translation>
  </message>
  <message>
   <source>Comparing…</source>
   <translation>Vergleichen …</translation>
  </message>
  <message>
   <source>Evaluate models</source>
   <translation>Modelle bewerten</translation>
  </message>
  <message>
   <source>Export the report…</source>
   <translation>Bericht exportieren …</translation>
  </message>
  <message>
   <source>Looking at the images with {0}…</source>
   <translation>{0} sieht die Bilder an …</translation>
  </message>
  <message>
   <source>New evaluation</source>
   <translation>Neue Bewertung</translation>
  </message>
  <message>
   <source>Open the report</source>
   <translation>Bericht öffnen</translation>
  </message>
  <message>
   <source>Progress of the evaluation</source>
   <translation>Fortschritt der Bewertung</translation>
  </message>
  <message>
   <source>Ranking for {0}…</source>
   <translation>Rangfolge für {0} …</translation>
  </message>
  <message>
   <source>Reading the images…</source>
   <translation>Bilder werden gelesen …</translation>
  </message>
  <message>
   <source>Reading the labels…</source>
   <translation>Labels werden gelesen …</translation>
  </message>
  <message>
   <source>Reading the marks…</source>
   <translation>Markierungen werden gelesen …</translation>
  </message>
  <message>
   <source>Reading the pairs…</source>
   <translation>Paare werden gelesen …</translation>
  </message>
  <message>
   <source>Stopped; the report is not written.</source>
   <translation>Angehalten; der Bericht ist nicht geschrieben.</translation>
  </message>
  <message>
   <source>Stopping…</source>
   <translation>Wird angehalten …</translation>
  </message>
  <message>
   <source>The report lies in {0}.</source>
   <translation>Der Bericht liegt in {0}.</translation>
  </message>
  <message>
   <source>Writing the report…</source>
   <translation>Bericht wird geschrieben …</translation>
  </message>
  <message>
   <source>You can go back to searching; this goes on, and waits here when it is done.</source>
   <translation>Weitersuchen ist möglich; dies läuft weiter und wartet hier, wenn es fertig ist.</translation>
  </message>
  <message>
   <source>{0} is missing and left out…</source>
   <translation>{0} fehlt und wird ausgelassen …</translation>
  </message>
  <message>
   <source>{0} left</source>
   <translation>noch {0}</translation>
  </message>
  <message>
   <source>{0} of {1}</source>
   <translation>{0} von {1}</translation>
  </message>
 </context>
 <context>
  <name>Export</name>
  <message>
   <source>"{0}" cannot be written; choose another folder or free some space.</source>
   <translation>„{0}“ kann nicht geschrieben werden; einen anderen Ordner wählen oder Platz schaffen.</translation>
  </message>
  <message>
   <source>A row for each hit: score, drive, camera, time, and model, query and cut.</source>
   <translation>Eine Zeile je Treffer: Wert, Fahrt, Kamera, Zeit sowie Modell, Anfrage und Schwelle.</translation>
  </message>
  <message>
   <source>Contact sheet (PDF)</source>
   <translation>Kontaktbogen (PDF)</translation>
  </message>
  <message>
   <source>Contact sheet (PNG)</source>
   <translation>Kontaktbogen (PNG)</translation>
  </message>
  <message>
   <source>Copies of the files</source>
   <translation>Kopien der Dateien</translation>
  </message>
  <message>
   <source>Into a folder of your choice; nothing there is overwritten.</source>
   <translation>In einen Ordner nach Wahl; dort wird nichts überschrieben.</translation>
  </message>
  <message>
   <source>Pictures with names and scores, to paste into a document.</source>
   <translation>Bilder mit Namen und Werten, zum Einfügen in ein Dokument.</translation>
  </message>
  <message>
   <source>Table (CSV)</source>
   <translation>Tabelle (CSV)</translation>
  </message>
  <message>
   <source>Table (JSON lines)</source>
   <translation>Tabelle (JSON Lines)</translation>
  </message>
  <message>
   <source>The same for programs; keeps every file name exactly.</source>
   <translation>Dasselbe für Programme; behält jeden Dateinamen genau bei.</translation>
  </message>
  <message>
   <source>The same on A4 pages, to print or to send.</source>
   <translation>Dasselbe auf A4-Seiten, zum Drucken oder Versenden.</translation>
  </message>
  <message>
   <source>cut {0}</source>
   <translation>Schwelle {0}</translation>
  </message>
  <message>
   <source>{0} hits</source>
   <translation>{0} Treffer</translation>
  </message>
 </context>
 <context>
  <name>ExportDialog</name>
  <message>
   <source>AS WHAT</source>
   <translation>ALS WAS</translation>
  </message>
  <message>
   <source>All frames</source>
   <translation>Alle Bilder</translation>
  </message>
  <message>
   <source>All {0} hits shown</source>
   <translation>Alle {0} gezeigten Treffer</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>Abbrechen</translation>
  </message>
  <message>
   <source>Choose the folder for the copies</source>
   <translation>Ordner für die Kopien wählen</translation>
  </message>
  <message>
   <source>Close</source>
   <translation>Schließen</translation>
  </message>
  <message>
   <source>Copy paths</source>
   <translation>Pfade kopieren</translation>
  </message>
  <message>
   <source>Export hits</source>
   <translation>Treffer exportieren</translation>
  </message>
  <message>
   <source>Export to</source>
   <translation>Exportieren nach</translation>
  </message>
  <message>
   <source>Export…</source>
   <translation>Exportieren …</translation>
  </message>
  <message>
   <source>Files that could not be copied</source>
   <translation>Dateien, die nicht kopiert werden konnten</translation>
  </message>
  <message>
   <source>Nothing to export</source>
   <translation>Nichts zu exportieren</translation>
  </message>
  <message>
   <source>Progress of the export</source>
   <translation>Fortschritt des Exports</translation>
  </message>
  <message>
   <source>Search for something first; its hits can then be exported.</source>
   <translation>Zuerst etwas suchen; die Treffer lassen sich dann exportieren.</translation>
  </message>
  <message>
   <source>Show it</source>
   <translation>Zeigen</translation>
  </message>
  <message>
   <source>Stopped; what was written as a whole is kept.</source>
   <translation>Angehalten; was ganz geschrieben war, bleibt.</translation>
  </message>
  <message>
   <source>The one hit shown</source>
   <translation>Der eine gezeigte Treffer</translation>
  </message>
  <message>
   <source>The one selected</source>
   <translation>Der ausgewählte</translation>
  </message>
  <message>
   <source>The selected ones (none is selected)</source>
   <translation>Die ausgewählten (keiner ist ausgewählt)</translation>
  </message>
  <message>
   <source>The {0} selected</source>
   <translation>Die {0} ausgewählten</translation>
  </message>
  <message>
   <source>WHICH HITS</source>
   <translation>WELCHE TREFFER</translation>
  </message>
  <message>
   <source>cut {0}</source>
   <translation>Schwelle {0}</translation>
  </message>
  <message>
   <source>no cut</source>
   <translation>keine Schwelle</translation>
  </message>
  <message>
   <source>{0} could not be read:</source>
   <translation>{0} nicht lesbar:</translation>
  </message>
  <message>
   <source>{0} file copied to “{1}”.</source>
   <translation>{0} Datei nach „{1}“ kopiert.</translation>
  </message>
  <message>
   <source>{0} files copied to “{1}”.</source>
   <translation>{0} Dateien nach „{1}“ kopiert.</translation>
  </message>
  <message>
   <source>{0} hit written to “{1}”.</source>
   <translation>{0} Treffer in „{1}“ geschrieben.</translation>
  </message>
  <message>
   <source>{0} hits written to “{1}”.</source>
   <translation>{0} Treffer in „{1}“ geschrieben.</translation>
  </message>
  <message>
   <source>{0} of {1}</source>
   <translation>{0} von {1}</translation>
  </message>
  <message>
   <source>{0} path copied.</source>
   <translation>{0} Pfad kopiert.</translation>
  </message>
  <message>
   <source>{0} paths copied.</source>
   <translation>{0} Pfade kopiert.</translation>
  </message>
 </context>
 <context>
  <name>Figures</name>
  <message>
   <source>95 % interval</source>
   <translation>95-%-Intervall</translation>
  </message>
  <message>
   <source>AP of the first model less AP of the second.</source>
   <translation>AP des ersten Modells minus AP des zweiten.</translation>
  </message>
  <message>
   <source>By</source>
   <translation>Nach</translation>
  </message>
  <message>
   <source>By chance</source>
   <translation>Zufällig</translation>
  </message>
  <message>
   <source>Chance</source>
   <translation>Zufall</translation>
  </message>
  <message>
   <source>Difference</source>
   <translation>Unterschied</translation>
  </message>
  <message>
   <source>Frames</source>
   <translation>Bilder</translation>
  </message>
  <message>
   <source>Frames of the same moment counted once.</source>
   <translation>Bilder desselben Moments zählen einmal.</translation>
  </message>
  <message>
   <source>Kind</source>
   <translation>Art</translation>
  </message>
  <message>
   <source>Like P, but early hits and better matches count more.</source>
   <translation>Wie P, aber frühe Treffer und bessere Antworten zählen mehr.</translation>
  </message>
  <message>
   <source>Mean average precision: 1 if all right frames come first.</source>
   <translation>Mittlere durchschnittliche Genauigkeit: 1, wenn alle richtigen Bilder zuerst kommen.</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>Modell</translation>
  </message>
  <message>
   <source>No clear difference between {better} and {worse}: mAP {delta}, and the 95 % interval ({low} to {high}) holds 0; more queries would tell.</source>
   <translation>Kein klarer Unterschied zwischen {better} und {worse}: mAP {delta}, und das 95-%-Intervall ({low} bis {high}) enthält 0; mehr Anfragen würden es zeigen.</translation>
  </message>
  <message>
   <source>One over the rank of the first right frame.</source>
   <translation>Kehrwert des Rangs des ersten richtigen Bildes.</translation>
  </message>
  <message>
   <source>Part</source>
   <translation>Teil</translation>
  </message>
  <message>
   <source>Queries</source>
   <translation>Anfragen</translation>
  </message>
  <message>
   <source>Query</source>
   <translation>Anfrage</translation>
  </message>
  <message>
   <source>Right frames</source>
   <translation>Richtige Bilder</translation>
  </message>
  <message>
   <source>Share of all right frames found among the first {0} hits.</source>
   <translation>Anteil aller richtigen Bilder, der unter den ersten {0} Treffern ist.</translation>
  </message>
  <message>
   <source>Share of right frames among the first {0} hits.</source>
   <translation>Anteil richtiger Bilder unter den ersten {0} Treffern.</translation>
  </message>
  <message>
   <source>Where the mean would lie for other queries like these.</source>
   <translation>Wo der Mittelwert bei anderen Anfragen dieser Art läge.</translation>
  </message>
  <message>
   <source>amount</source>
   <translation>Menge</translation>
  </message>
  <message>
   <source>caption</source>
   <translation>Bildtext</translation>
  </message>
  <message>
   <source>chance</source>
   <translation>Zufall</translation>
  </message>
  <message>
   <source>class</source>
   <translation>Klasse</translation>
  </message>
  <message>
   <source>count</source>
   <translation>Anzahl</translation>
  </message>
  <message>
   <source>data set</source>
   <translation>Datensatz</translation>
  </message>
  <message>
   <source>drive</source>
   <translation>Fahrt</translation>
  </message>
  <message>
   <source>mAP</source>
   <translation>mAP</translation>
  </message>
  <message>
   <source>mAP of events</source>
   <translation>mAP der Ereignisse</translation>
  </message>
  <message>
   <source>mixed</source>
   <translation>gemischt</translation>
  </message>
  <message>
   <source>objects</source>
   <translation>Objekte</translation>
  </message>
  <message>
   <source>own</source>
   <translation>eigene</translation>
  </message>
  <message>
   <source>place</source>
   <translation>Ort</translation>
  </message>
  <message>
   <source>place asked for</source>
   <translation>Ort gefragt</translation>
  </message>
  <message>
   <source>rare</source>
   <translation>selten</translation>
  </message>
  <message>
   <source>road</source>
   <translation>Straße</translation>
  </message>
  <message>
   <source>road asked for</source>
   <translation>Straße gefragt</translation>
  </message>
  <message>
   <source>several</source>
   <translation>mehrere</translation>
  </message>
  <message>
   <source>single</source>
   <translation>einzeln</translation>
  </message>
  <message>
   <source>small</source>
   <translation>klein</translation>
  </message>
  <message>
   <source>time of day</source>
   <translation>Tageszeit</translation>
  </message>
  <message>
   <source>time of day asked for</source>
   <translation>Tageszeit gefragt</translation>
  </message>
  <message>
   <source>weather</source>
   <translation>Wetter</translation>
  </message>
  <message>
   <source>weather asked for</source>
   <translation>Wetter gefragt</translation>
  </message>
  <message>
   <source>{0} frame</source>
   <translation>{0} Bild</translation>
  </message>
  <message>
   <source>{0} frames</source>
   <translation>{0} Bilder</translation>
  </message>
  <message>
   <source>{0} images could not be read, such as {1} ({2}).</source>
   <translation>{0} Bilder waren nicht lesbar, etwa {1} ({2}).</translation>
  </message>
  <message>
   <source>{0} moment</source>
   <translation>{0} Moment</translation>
  </message>
  <message>
   <source>{0} moments</source>
   <translation>{0} Momenten</translation>
  </message>
  <message>
   <source>{0} queries</source>
   <translation>{0} Anfragen</translation>
  </message>
  <message>
   <source>{0} queries have no right frame here and do not count, such as “{1}”.</source>
   <translation>{0} Anfragen haben hier kein richtiges Bild und zählen nicht, etwa „{1}“.</translation>
  </message>
  <message>
   <source>{0} query</source>
   <translation>{0} Anfrage</translation>
  </message>
  <message>
   <source>{0} was not evaluated: {1}</source>
   <translation>{0} wurde nicht bewertet: {1}</translation>
  </message>
  <message>
   <source>{better} finds more than {worse}: mAP {delta} (95 % interval {low} to {high}), better on {wins} of {queries} queries.</source>
   <translation>{better} findet mehr als {worse}: mAP {delta} (95-%-Intervall {low} bis {high}), besser bei {wins} von {queries} Anfragen.</translation>
  </message>
  <message>
   <source>{queries} on {images} of {moments}</source>
   <translation>{queries} an {images} aus {moments}</translation>
  </message>
 </context>
 <context>
  <name>FilterChip</name>
  <message>
   <source>Frames are restricted to this; Delete takes it away.</source>
   <translation>Die Bilder sind darauf beschränkt; Entf hebt das auf.</translation>
  </message>
 </context>
 <context>
  <name>FilterChips</name>
  <message>
   <source>and {0} more</source>
   <translation>und {0} weitere</translation>
  </message>
  <message>
   <source>from {0}</source>
   <translation>ab {0}</translation>
  </message>
  <message>
   <source>in {0}</source>
   <translation>in {0}</translation>
  </message>
  <message>
   <source>until {0}</source>
   <translation>bis {0}</translation>
  </message>
 </context>
 <context>
  <name>FilterSection</name>
  <message>
   <source>Camera</source>
   <translation>Kamera</translation>
  </message>
  <message>
   <source>Clear filters</source>
   <translation>Filter aufheben</translation>
  </message>
  <message>
   <source>Drive</source>
   <translation>Fahrt</translation>
  </message>
  <message>
   <source>Folder</source>
   <translation>Ordner</translation>
  </message>
  <message>
   <source>Marked</source>
   <translation>Markiert</translation>
  </message>
  <message>
   <source>Search in all frames again</source>
   <translation>Wieder in allen Bildern suchen</translation>
  </message>
  <message>
   <source>Searches {0} hits of an earlier query only; press to search all again.</source>
   <translation>Sucht nur in {0} Treffern einer früheren Suche; ein Klick sucht wieder in allen.</translation>
  </message>
  <message>
   <source>any</source>
   <translation>alle</translation>
  </message>
  <message>
   <source>right</source>
   <translation>richtig</translation>
  </message>
  <message>
   <source>right or wrong</source>
   <translation>richtig oder falsch</translation>
  </message>
  <message>
   <source>within “{0}”</source>
   <translation>in „{0}“</translation>
  </message>
  <message>
   <source>wrong</source>
   <translation>falsch</translation>
  </message>
 </context>
 <context>
  <name>FolderCommands</name>
  <message>
   <source>Choose a folder of camera frames</source>
   <translation>Ordner mit Kamerabildern wählen</translation>
  </message>
  <message>
   <source>Choose one more folder</source>
   <translation>Weiteren Ordner wählen</translation>
  </message>
  <message>
   <source>Fetch</source>
   <translation>Holen</translation>
  </message>
  <message>
   <source>Fetch the pictures?</source>
   <translation>Bilder holen?</translation>
  </message>
  <message>
   <source>Index again</source>
   <translation>Neu indizieren</translation>
  </message>
  <message>
   <source>Index again, faster?</source>
   <translation>Neu indizieren, schneller?</translation>
  </message>
  <message>
   <source>It was opened again, and is indexed anew.</source>
   <translation>Der Ordner wurde wieder geöffnet und wird neu indexiert.</translation>
  </message>
  <message>
   <source>Look for a newer version</source>
   <translation>Nach neuerer Version sehen</translation>
  </message>
  <message>
   <source>New frames are then indexed faster too. Scores change a little.</source>
   <translation>Neue Bilder werden dann auch schneller indiziert. Die Werte ändern sich ein wenig.</translation>
  </message>
  <message>
   <source>Please note</source>
   <translation>Bitte beachten</translation>
  </message>
  <message>
   <source>The index of “{0}” is forgotten; opening it again makes it anew.</source>
   <translation>Der Index von „{0}“ ist vergessen; beim nächsten Öffnen entsteht er neu.</translation>
  </message>
  <message>
   <source>The model then notes what it sees in each of them.</source>
   <translation>Das Modell hält dann zu jedem fest, was es darin sieht.</translation>
  </message>
  <message>
   <source>The pictures of this table lie at {0}. Those that you look at are fetched from there over the network, and nothing else is sent. Searching works without them.</source>
   <translation>Die Bilder dieser Tabelle liegen unter {0}. Die Sie ansehen, werden von dort über das Netz geholt; sonst wird nichts gesendet. Die Suche geht auch ohne sie.</translation>
  </message>
  <message>
   <source>The sample's pictures are drawn, not photographed.</source>
   <translation>Die Bilder des Beispiels sind gezeichnet, nicht fotografiert.</translation>
  </message>
  <message>
   <source>Until it is done, the index that is there answers.</source>
   <translation>Bis das fertig ist, antwortet der vorhandene Index.</translation>
  </message>
  <message>
   <source>Update the index?</source>
   <translation>Den Index aktualisieren?</translation>
  </message>
  <message>
   <source>Where is “{0}” now?</source>
   <translation>Wo liegt „{0}“ jetzt?</translation>
  </message>
  <message>
   <source>forget “{0}”</source>
   <translation>„{0}“ vergessen</translation>
  </message>
  <message>
   <source>{0} frame will be embedded again.</source>
   <translation>{0} Bild wird neu eingebettet.</translation>
  </message>
  <message>
   <source>{0} frames will be embedded again.</source>
   <translation>{0} Bilder werden neu eingebettet.</translation>
  </message>
 </context>
 <context>
  <name>FolderDrops</name>
  <message>
   <source>Drop to add {0} to what is open</source>
   <translation>Loslassen, um {0} hinzuzufügen</translation>
  </message>
  <message>
   <source>Drop to open {0}</source>
   <translation>Loslassen, um {0} zu öffnen</translation>
  </message>
  <message>
   <source>{0} files are no folders; drop folders of frames, or a picture on the search bar.</source>
   <translation>{0} Dateien sind keine Ordner; Ordner mit Bildern ablegen, oder ein Bild auf der Suchzeile.</translation>
  </message>
  <message>
   <source>{0} folders</source>
   <translation>{0} Ordner</translation>
  </message>
  <message>
   <source>“{0}” is no folder; drop a folder of frames, or a picture on the search bar.</source>
   <translation>„{0}“ ist kein Ordner; einen Ordner mit Bildern ablegen, oder ein Bild auf der Suchzeile.</translation>
  </message>
 </context>
 <context>
  <name>FrameTags</name>
  <message>
   <source>Click to see all frames with this tag; Delete takes it away.</source>
   <translation>Ein Klick zeigt alle Bilder mit diesem Schlagwort; Entf nimmt es weg.</translation>
  </message>
  <message>
   <source>Give the frame a tag (T)</source>
   <translation>Dem Bild ein Schlagwort geben (T)</translation>
  </message>
  <message>
   <source>Tags</source>
   <translation>Schlagwörter</translation>
  </message>
  <message>
   <source>Tag…</source>
   <translation>Schlagwort…</translation>
  </message>
 </context>
 <context>
  <name>FrameView</name>
  <message>
   <source>Frame</source>
   <translation>Bild</translation>
  </message>
  <message>
   <source>Loading…</source>
   <translation>Wird geladen …</translation>
  </message>
 </context>
 <context>
  <name>FurtherPanels</name>
  <message>
   <source>The evaluation is done.</source>
   <translation>Die Bewertung ist fertig.</translation>
  </message>
  <message>
   <source>The training is done.</source>
   <translation>Das Training ist fertig.</translation>
  </message>
  <message>
   <source>This model is not here yet</source>
   <translation>Dieses Modell ist noch nicht hier</translation>
  </message>
  <message>
   <source>Training</source>
   <translation>Training</translation>
  </message>
 </context>
 <context>
  <name>HelpCommands</name>
  <message>
   <source>Your marks and saved searches</source>
   <translation>Ihre Markierungen und gespeicherten Suchen</translation>
  </message>
 </context>
 <context>
  <name>HitCommands</name>
  <message>
   <source>"{0}" is not there now; connect its disk.</source>
   <translation>„{0}“ ist gerade nicht da; den Datenträger anschließen.</translation>
  </message>
  <message>
   <source>Copied.</source>
   <translation>Kopiert.</translation>
  </message>
  <message>
   <source>Done again: {0}</source>
   <translation>Wiederholt: {0}</translation>
  </message>
  <message>
   <source>It is listed on the left and run again whenever frames are added: what is new since you last looked is counted.</source>
   <translation>Sie steht links und läuft erneut, sobald Bilder dazukommen; gezählt wird, was seit dem letzten Ansehen neu ist.</translation>
  </message>
  <message>
   <source>It lies at an address; export it to have a copy on this machine.</source>
   <translation>Es liegt unter einer Adresse; exportieren Sie es, um eine Kopie auf diesem Rechner zu haben.</translation>
  </message>
  <message>
   <source>It takes the place of the scenario of this name.</source>
   <translation>Es ersetzt das Szenario dieses Namens.</translation>
  </message>
  <message>
   <source>Its query, its cut and what is new in it stay as they are.</source>
   <translation>Suche, Schwelle und Neues bleiben, wie sie sind.</translation>
  </message>
  <message>
   <source>Redo</source>
   <translation>Wiederholen</translation>
  </message>
  <message>
   <source>Redo: {0}</source>
   <translation>Wiederholen: {0}</translation>
  </message>
  <message>
   <source>Rename the scenario</source>
   <translation>Szenario umbenennen</translation>
  </message>
  <message>
   <source>Save this search as a scenario</source>
   <translation>Diese Suche als Szenario speichern</translation>
  </message>
  <message>
   <source>The cut of “{0}” was found with another model; save the search again to find it for this one.</source>
   <translation>Die Schwelle von „{0}“ wurde mit einem anderen Modell gefunden; speichern Sie die Suche erneut, um sie für dieses zu finden.</translation>
  </message>
  <message>
   <source>There is a scenario of this name; choose another name.</source>
   <translation>Ein Szenario dieses Namens gibt es schon; bitte einen anderen Namen wählen.</translation>
  </message>
  <message>
   <source>This search cannot be run</source>
   <translation>Diese Suche kann nicht ausgeführt werden</translation>
  </message>
  <message>
   <source>Undo</source>
   <translation>Rückgängig</translation>
  </message>
  <message>
   <source>Undo: {0}</source>
   <translation>Rückgängig: {0}</translation>
  </message>
  <message>
   <source>Undone: {0}</source>
   <translation>Rückgängig gemacht: {0}</translation>
  </message>
  <message>
   <source>clear the search</source>
   <translation>Suche leeren</translation>
  </message>
  <message>
   <source>{0} path copied.</source>
   <translation>{0} Pfad kopiert.</translation>
  </message>
  <message>
   <source>{0} paths copied.</source>
   <translation>{0} Pfade kopiert.</translation>
  </message>
 </context>
 <context>
  <name>HoverPreview</name>
  <message>
   <source>Loading…</source>
   <translation>Wird geladen …</translation>
  </message>
 </context>
 <context>
  <name>ImageChip</name>
  <message>
   <source>Click to turn into “not like this”; Delete removes it.</source>
   <translation>Klick macht daraus „nicht wie dieses“; Entf entfernt es.</translation>
  </message>
  <message>
   <source>like {0}</source>
   <translation>wie {0}</translation>
  </message>
  <message>
   <source>not like {0}</source>
   <translation>nicht wie {0}</translation>
  </message>
 </context>
 <context>
  <name>LabelsDialog</name>
  <message>
   <source>A2D2: label images and class_list.json</source>
   <translation>A2D2: Labelbilder und class_list.json</translation>
  </message>
  <message>
   <source>BDD100K: detection JSON</source>
   <translation>BDD100K: Detektions-JSON</translation>
  </message>
  <message>
   <source>COCO: JSON with boxes</source>
   <translation>COCO: JSON mit Boxen</translation>
  </message>
  <message>
   <source>Cityscapes: gtFine</source>
   <translation>Cityscapes: gtFine</translation>
  </message>
  <message>
   <source>File of the labels</source>
   <translation>Datei der Labels</translation>
  </message>
  <message>
   <source>File or folder of the labels</source>
   <translation>Datei oder Ordner der Labels</translation>
  </message>
  <message>
   <source>File…</source>
   <translation>Datei …</translation>
  </message>
  <message>
   <source>Folder of the labels</source>
   <translation>Ordner der Labels</translation>
  </message>
  <message>
   <source>Folder…</source>
   <translation>Ordner …</translation>
  </message>
  <message>
   <source>KITTI: label_2</source>
   <translation>KITTI: label_2</translation>
  </message>
  <message>
   <source>Kind</source>
   <translation>Art</translation>
  </message>
  <message>
   <source>Kind of labels</source>
   <translation>Art der Labels</translation>
  </message>
  <message>
   <source>Labels</source>
   <translation>Labels</translation>
  </message>
  <message>
   <source>Make captions</source>
   <translation>Bildtexte erzeugen</translation>
  </message>
  <message>
   <source>Make captions from labels</source>
   <translation>Bildtexte aus Labels erzeugen</translation>
  </message>
  <message>
   <source>Masks with a class list (CamVid, IDD)</source>
   <translation>Masken mit Klassenliste (CamVid, IDD)</translation>
  </message>
  <message>
   <source>Nothing is written beside your images; the pairs go to C4T's own folder.</source>
   <translation>Neben den Bildern wird nichts geschrieben; die Paare kommen in den eigenen Ordner von C4T.</translation>
  </message>
  <message>
   <source>Scenes: JSON lines</source>
   <translation>Szenen: JSON Lines</translation>
  </message>
  <message>
   <source>TJU-DHD: JSON with boxes</source>
   <translation>TJU-DHD: JSON mit Boxen</translation>
  </message>
 </context>
 <context>
  <name>LinePlot</name>
  <message>
   <source>waiting for numbers</source>
   <translation>wartet auf Zahlen</translation>
  </message>
 </context>
 <context>
  <name>MarkBook</name>
  <message>
   <source>The situations of SearchAD were deleted.</source>
   <translation>Die Situationen von SearchAD wurden gelöscht.</translation>
  </message>
  <message>
   <source>add the situations of SearchAD</source>
   <translation>Situationen von SearchAD hinzufügen</translation>
  </message>
  <message>
   <source>clear the marks</source>
   <translation>Markierungen löschen</translation>
  </message>
  <message>
   <source>delete the situations of SearchAD</source>
   <translation>Situationen von SearchAD löschen</translation>
  </message>
  <message>
   <source>delete “{0}”</source>
   <translation>„{0}“ löschen</translation>
  </message>
  <message>
   <source>mark as right</source>
   <translation>als richtig markieren</translation>
  </message>
  <message>
   <source>mark as wrong</source>
   <translation>als falsch markieren</translation>
  </message>
  <message>
   <source>move “{0}”</source>
   <translation>„{0}“ verschieben</translation>
  </message>
  <message>
   <source>rename “{0}”</source>
   <translation>„{0}“ umbenennen</translation>
  </message>
  <message>
   <source>save “{0}”</source>
   <translation>„{0}“ speichern</translation>
  </message>
  <message>
   <source>unmark</source>
   <translation>Markierung entfernen</translation>
  </message>
  <message>
   <source>{0} mark cleared.</source>
   <translation>{0} Markierung gelöscht.</translation>
  </message>
  <message>
   <source>{0} marks cleared.</source>
   <translation>{0} Markierungen gelöscht.</translation>
  </message>
  <message>
   <source>“{0}” was deleted.</source>
   <translation>„{0}“ wurde gelöscht.</translation>
  </message>
  <message>
   <source>“{0}” was saved anew.</source>
   <translation>„{0}“ wurde neu gespeichert.</translation>
  </message>
 </context>
 <context>
  <name>MarkButtons</name>
  <message>
   <source>Mark as right (R)</source>
   <translation>Als richtig markieren (R)</translation>
  </message>
  <message>
   <source>Mark as wrong (X)</source>
   <translation>Als falsch markieren (X)</translation>
  </message>
  <message>
   <source>Right</source>
   <translation>Richtig</translation>
  </message>
  <message>
   <source>Wrong</source>
   <translation>Falsch</translation>
  </message>
 </context>
 <context>
  <name>MarksRow</name>
  <message>
   <source>All marks</source>
   <translation>Alle Markierungen</translation>
  </message>
  <message>
   <source>Each query ranks the frames that you marked for it, right and wrong.</source>
   <translation>Jede Anfrage ordnet die Bilder, die für sie als richtig oder falsch markiert sind.</translation>
  </message>
  <message>
   <source>Keep as a test set</source>
   <translation>Als Testmenge behalten</translation>
  </message>
  <message>
   <source>Keep as a test set…</source>
   <translation>Als Testmenge behalten…</translation>
  </message>
  <message>
   <source>Later marks do not change it; models stay comparable</source>
   <translation>Spätere Markierungen ändern sie nicht; Modelle bleiben vergleichbar</translation>
  </message>
  <message>
   <source>Marks to evaluate on</source>
   <translation>Markierungen für die Bewertung</translation>
  </message>
  <message>
   <source>Name of the test set; one of the same name is replaced:</source>
   <translation>Name der Testmenge; eine gleichen Namens wird ersetzt:</translation>
  </message>
  <message>
   <source>Remove</source>
   <translation>Entfernen</translation>
  </message>
  <message>
   <source>Remove this test set; the marks stay</source>
   <translation>Diese Testmenge entfernen; die Markierungen bleiben</translation>
  </message>
 </context>
 <context>
  <name>Messages</name>
  <message>
   <source>A fault in the application</source>
   <translation>Ein Fehler der Anwendung</translation>
  </message>
  <message>
   <source>Copy the command</source>
   <translation>Befehl kopieren</translation>
  </message>
  <message>
   <source>Its weights are not on this machine; the list of models can download them ({0}), or add them from a file.</source>
   <translation>Die Gewichte sind nicht auf diesem Rechner; die Modellliste kann sie herunterladen ({0}) oder aus einer Datei hinzufügen.</translation>
  </message>
  <message>
   <source>More packages are needed</source>
   <translation>Weitere Pakete nötig</translation>
  </message>
  <message>
   <source>Only the first {0} of {1} were taken; choose fewer, or export them as a table.</source>
   <translation>Nur die ersten {0} von {1} wurden genommen; weniger wählen oder als Tabelle exportieren.</translation>
  </message>
  <message>
   <source>Out of memory</source>
   <translation>Speicher reicht nicht</translation>
  </message>
  <message>
   <source>Something went wrong inside the application ({kind}); your data are safe. Details are in {log}.</source>
   <translation>In der Anwendung ging etwas schief ({kind}); die Daten sind sicher. Einzelheiten stehen in {log}.</translation>
  </message>
  <message>
   <source>That did not work</source>
   <translation>Das hat nicht geklappt</translation>
  </message>
  <message>
   <source>The memory of this machine or its GPU ran out; close other programs and try again.</source>
   <translation>Der Speicher des Rechners oder der GPU ist erschöpft; andere Programme schließen und erneut versuchen.</translation>
  </message>
  <message>
   <source>The system says: {reason}. Check the disk and try again.</source>
   <translation>Das System meldet: {reason}. Den Datenträger prüfen und erneut versuchen.</translation>
  </message>
  <message>
   <source>ahead</source>
   <translation>voraus</translation>
  </message>
  <message>
   <source>ambulance</source>
   <translation>Krankenwagen</translation>
  </message>
  <message>
   <source>ambulances</source>
   <translation>Krankenwagen</translation>
  </message>
  <message>
   <source>at least {0} {1}</source>
   <translation>mindestens {0} {1}</translation>
  </message>
  <message>
   <source>at most {0} {1}</source>
   <translation>höchstens {0} {1}</translation>
  </message>
  <message>
   <source>bicycle</source>
   <translation>Fahrrad</translation>
  </message>
  <message>
   <source>bicycles</source>
   <translation>Fahrräder</translation>
  </message>
  <message>
   <source>bus</source>
   <translation>Bus</translation>
  </message>
  <message>
   <source>buses</source>
   <translation>Busse</translation>
  </message>
  <message>
   <source>car</source>
   <translation>Auto</translation>
  </message>
  <message>
   <source>cars</source>
   <translation>Autos</translation>
  </message>
  <message>
   <source>crosswalk sign</source>
   <translation>Zebrastreifenschild</translation>
  </message>
  <message>
   <source>crosswalk signs</source>
   <translation>Zebrastreifenschilder</translation>
  </message>
  <message>
   <source>exactly {0} {1}</source>
   <translation>genau {0} {1}</translation>
  </message>
  <message>
   <source>far</source>
   <translation>fern</translation>
  </message>
  <message>
   <source>left</source>
   <translation>links</translation>
  </message>
  <message>
   <source>motorcycle</source>
   <translation>Motorrad</translation>
  </message>
  <message>
   <source>motorcycles</source>
   <translation>Motorräder</translation>
  </message>
  <message>
   <source>near</source>
   <translation>nah</translation>
  </message>
  <message>
   <source>no {0}</source>
   <translation>ohne {0}</translation>
  </message>
  <message>
   <source>people</source>
   <translation>Personen</translation>
  </message>
  <message>
   <source>person</source>
   <translation>Person</translation>
  </message>
  <message>
   <source>right</source>
   <translation>rechts</translation>
  </message>
  <message>
   <source>speed limit sign</source>
   <translation>Tempolimit-Schild</translation>
  </message>
  <message>
   <source>speed limit signs</source>
   <translation>Tempolimit-Schilder</translation>
  </message>
  <message>
   <source>stop sign</source>
   <translation>Stoppschild</translation>
  </message>
  <message>
   <source>stop signs</source>
   <translation>Stoppschilder</translation>
  </message>
  <message>
   <source>traffic light</source>
   <translation>Ampel</translation>
  </message>
  <message>
   <source>traffic lights</source>
   <translation>Ampeln</translation>
  </message>
  <message>
   <source>truck</source>
   <translation>Lkw</translation>
  </message>
  <message>
   <source>trucks</source>
   <translation>Lkw</translation>
  </message>
  <message>
   <source>{0} {1}</source>
   <translation>{0} {1}</translation>
  </message>
 </context>
 <context>
  <name>ModelChooser</name>
  <message>
   <source>Model</source>
   <translation>Modell</translation>
  </message>
  <message>
   <source>{0}  (not installed)</source>
   <translation>{0}  (nicht installiert)</translation>
  </message>
 </context>
 <context>
  <name>ModelPage</name>
  <message>
   <source>91.8 million parameters; needs tens of thousands of pairs, and a GPU.</source>
   <translation>91,8 Millionen Parameter; braucht Zehntausende Paare und eine GPU.</translation>
  </message>
  <message>
   <source>A name is made of letters, digits, dots, dashes and underscores; change it.</source>
   <translation>Ein Name besteht aus Buchstaben, Ziffern, Punkten, Binde- und Unterstrichen; bitte ändern.</translation>
  </message>
  <message>
   <source>A new model: lite, small and fast</source>
   <translation>Neues Modell: lite, klein und schnell</translation>
  </message>
  <message>
   <source>A new model: reference, ResNet-50 and DistilBERT</source>
   <translation>Neues Modell: reference, ResNet-50 und DistilBERT</translation>
  </message>
  <message>
   <source>Base model</source>
   <translation>Ausgangsmodell</translation>
  </message>
  <message>
   <source>C4T, as it ships</source>
   <translation>C4T, wie mitgeliefert</translation>
  </message>
  <message>
   <source>Download missing pretrained weights</source>
   <translation>Fehlende vortrainierte Gewichte herunterladen</translation>
  </message>
  <message>
   <source>Epochs</source>
   <translation>Epochen</translation>
  </message>
  <message>
   <source>Everything: for many pairs and a GPU</source>
   <translation>Alles: für viele Paare und eine GPU</translation>
  </message>
  <message>
   <source>Give the new model a name.</source>
   <translation>Dem neuen Modell einen Namen geben.</translation>
  </message>
  <message>
   <source>Heads and the last part of the image encoder (recommended)</source>
   <translation>Köpfe und letzter Teil des Bildencoders (empfohlen)</translation>
  </message>
  <message>
   <source>Heads and the whole image encoder: slow without a GPU</source>
   <translation>Köpfe und ganzer Bildencoder: langsam ohne GPU</translation>
  </message>
  <message>
   <source>Heads only: the fastest, a minute or two</source>
   <translation>Nur die Köpfe: am schnellsten, ein bis zwei Minuten</translation>
  </message>
  <message>
   <source>It will be listed as c4t:{name}.</source>
   <translation>Es wird als c4t:{name} geführt.</translation>
  </message>
  <message>
   <source>Learns from your pairs and keeps what it knows: before and after are measured, and where it forgot, old and new weights are blended.</source>
   <translation>Lernt aus den eigenen Paaren und behält, was es kann: Vorher und Nachher werden gemessen; wo es vergessen hat, werden alte und neue Gewichte gemischt.</translation>
  </message>
  <message>
   <source>Name</source>
   <translation>Name</translation>
  </message>
  <message>
   <source>Name of the new model</source>
   <translation>Name des neuen Modells</translation>
  </message>
  <message>
   <source>Only heads learn; CLIP's encoders stay as they are, and the new model keeps a copy of them, which is under CLIP's own terms. Before and after are measured, and where it forgot, CLIP and what was learnt are blended.</source>
   <translation>Nur die Köpfe lernen; die Encoder von CLIP bleiben, wie sie sind, und das neue Modell enthält eine Kopie von ihnen; für diese gelten die Bedingungen von CLIP. Gemessen wird vorher und nachher, und wo etwas vergessen wurde, werden CLIP und Gelerntes gemischt.</translation>
  </message>
  <message>
   <source>Pretrained encoders, new heads; needs a thousand pairs or more.</source>
   <translation>Vortrainierte Encoder, neue Köpfe; braucht mindestens tausend Paare.</translation>
  </message>
  <message>
   <source>Start from</source>
   <translation>Ausgehen von</translation>
  </message>
  <message>
   <source>There is a model of this name; choose another one.</source>
   <translation>Es gibt schon ein Modell dieses Namens; einen anderen wählen.</translation>
  </message>
  <message>
   <source>What learns</source>
   <translation>Was lernt</translation>
  </message>
  <message>
   <source>{0}: new heads on its encoders</source>
   <translation>{0}: neue Köpfe auf seinen Encodern</translation>
  </message>
 </context>
 <context>
  <name>ModelsDialog</name>
  <message>
   <source> · {0}/s · {1} left</source>
   <translation> · {0}/s · noch {1}</translation>
  </message>
  <message>
   <source>Add…</source>
   <translation>Hinzufügen …</translation>
  </message>
  <message>
   <source>Asking how large it is…</source>
   <translation>Größe wird erfragt …</translation>
  </message>
  <message>
   <source>CLIP needs more packages ({0}); install them with: {1}</source>
   <translation>CLIP braucht weitere Pakete ({0}); installieren mit: {1}</translation>
  </message>
  <message>
   <source>CLIP: general, not made for traffic</source>
   <translation>CLIP: allgemein, nicht für Verkehr gemacht</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>Abbrechen</translation>
  </message>
  <message>
   <source>Checking and copying the model…</source>
   <translation>Modell wird geprüft und kopiert …</translation>
  </message>
  <message>
   <source>Close</source>
   <translation>Schließen</translation>
  </message>
  <message>
   <source>Copy</source>
   <translation>Kopieren</translation>
  </message>
  <message>
   <source>Download</source>
   <translation>Herunterladen</translation>
  </message>
  <message>
   <source>Download {0}? It takes {1} and comes from Hugging Face.</source>
   <translation>{0} herunterladen? Es sind {1}, von Hugging Face.</translation>
  </message>
  <message>
   <source>Downloading…</source>
   <translation>Wird heruntergeladen …</translation>
  </message>
  <message>
   <source>Download…</source>
   <translation>Herunterladen …</translation>
  </message>
  <message>
   <source>Fingerprint: {0}</source>
   <translation>Fingerabdruck: {0}</translation>
  </message>
  <message>
   <source>Indexed</source>
   <translation>Indiziert</translation>
  </message>
  <message>
   <source>It answers every search.</source>
   <translation>Es beantwortet jede Suche.</translation>
  </message>
  <message>
   <source>It answers once it is chosen, and indexes the {0} frames it lacks.</source>
   <translation>Es antwortet, sobald es gewählt ist, und indiziert die {0} Bilder, die ihm fehlen.</translation>
  </message>
  <message>
   <source>It answers once it is chosen, and where models are compared or evaluated.</source>
   <translation>Es antwortet, sobald es gewählt ist, und wo Modelle verglichen oder bewertet werden.</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>Modell</translation>
  </message>
  <message>
   <source>Models</source>
   <translation>Modelle</translation>
  </message>
  <message>
   <source>On the command line: {0}</source>
   <translation>In der Befehlszeile: {0}</translation>
  </message>
  <message>
   <source>Progress</source>
   <translation>Fortschritt</translation>
  </message>
  <message>
   <source>Remove</source>
   <translation>Entfernen</translation>
  </message>
  <message>
   <source>Remove {0} from this machine? Its index becomes useless; your images and marks stay.</source>
   <translation>{0} von diesem Rechner entfernen? Sein Index wird nutzlos; Bilder und Markierungen bleiben.</translation>
  </message>
  <message>
   <source>Remove…</source>
   <translation>Entfernen …</translation>
  </message>
  <message>
   <source>Removing…</source>
   <translation>Wird entfernt …</translation>
  </message>
  <message>
   <source>Search with it</source>
   <translation>Damit suchen</translation>
  </message>
  <message>
   <source>Size</source>
   <translation>Größe</translation>
  </message>
  <message>
   <source>State</source>
   <translation>Zustand</translation>
  </message>
  <message>
   <source>Stopped; the download goes on from here next time.</source>
   <translation>Angehalten; beim nächsten Mal geht der Download hier weiter.</translation>
  </message>
  <message>
   <source>Training needs more packages ({0}); install them with: {1}</source>
   <translation>Training braucht weitere Pakete ({0}); installieren mit: {1}</translation>
  </message>
  <message>
   <source>What it is</source>
   <translation>Was es ist</translation>
  </message>
  <message>
   <source>all {0} frames</source>
   <translation>alle {0} Bilder</translation>
  </message>
  <message>
   <source>cannot be used</source>
   <translation>nicht nutzbar</translation>
  </message>
  <message>
   <source>comes with C4T</source>
   <translation>gehört zu C4T</translation>
  </message>
  <message>
   <source>in use</source>
   <translation>in Gebrauch</translation>
  </message>
  <message>
   <source>none yet</source>
   <translation>noch nichts</translation>
  </message>
  <message>
   <source>not downloaded</source>
   <translation>nicht heruntergeladen</translation>
  </message>
  <message>
   <source>ready</source>
   <translation>bereit</translation>
  </message>
  <message>
   <source>your own C4T model</source>
   <translation>eigenes C4T-Modell</translation>
  </message>
  <message>
   <source>{0} is here now.</source>
   <translation>{0} ist jetzt hier.</translation>
  </message>
  <message>
   <source>{0} is removed.</source>
   <translation>{0} ist entfernt.</translation>
  </message>
  <message>
   <source>{0} numbers per frame</source>
   <translation>{0} Zahlen je Bild</translation>
  </message>
  <message>
   <source>{0} of {1}</source>
   <translation>{0} von {1}</translation>
  </message>
  <message>
   <source>{0} of {1} frames</source>
   <translation>{0} von {1} Bildern</translation>
  </message>
 </context>
 <context>
  <name>NameDialog</name>
  <message>
   <source>Name</source>
   <translation>Name</translation>
  </message>
 </context>
 <context>
  <name>ObjectChip</name>
  <message>
   <source>Click to edit “{0}”; Delete removes it.</source>
   <translation>Klicken, um „{0}“ zu ändern; Entf nimmt es weg.</translation>
  </message>
  <message>
   <source>What the model saw when the frame was indexed. {0}</source>
   <translation>Was das Modell beim Indizieren des Bildes gesehen hat. {0}</translation>
  </message>
 </context>
 <context>
  <name>ObjectRow</name>
  <message>
   <source>Add this condition</source>
   <translation>Diese Bedingung hinzufügen</translation>
  </message>
  <message>
   <source>How many, or where</source>
   <translation>Wie viele oder wo</translation>
  </message>
  <message>
   <source>Number</source>
   <translation>Anzahl</translation>
  </message>
  <message>
   <source>Objects</source>
   <translation>Objekte</translation>
  </message>
  <message>
   <source>at least</source>
   <translation>mindestens</translation>
  </message>
  <message>
   <source>at most</source>
   <translation>höchstens</translation>
  </message>
  <message>
   <source>exactly</source>
   <translation>genau</translation>
  </message>
  <message>
   <source>none</source>
   <translation>keine</translation>
  </message>
 </context>
 <context>
  <name>ObjectsList</name>
  <message>
   <source>How sure the model is</source>
   <translation>Wie sicher das Modell ist</translation>
  </message>
  <message>
   <source>Nothing of what it knows.</source>
   <translation>Nichts von dem, was es kennt.</translation>
  </message>
  <message>
   <source>What the model sees in the frame</source>
   <translation>Was das Modell im Bild sieht</translation>
  </message>
  <message>
   <source>everywhere</source>
   <translation>überall</translation>
  </message>
 </context>
 <context>
  <name>Outcome</name>
  <message>
   <source>A new model has no before.</source>
   <translation>Ein neues Modell hat kein Vorher.</translation>
  </message>
  <message>
   <source>Drives kept apart: captions find images (mAP)</source>
   <translation>Zurückgehaltene Fahrten: Texte finden Bilder (mAP)</translation>
  </message>
  <message>
   <source>Drives kept apart: images find captions (mAP)</source>
   <translation>Zurückgehaltene Fahrten: Bilder finden Texte (mAP)</translation>
  </message>
  <message>
   <source>General images: captions find images (mAP)</source>
   <translation>Allgemeine Bilder: Texte finden Bilder (mAP)</translation>
  </message>
  <message>
   <source>General images: images find captions (mAP)</source>
   <translation>Allgemeine Bilder: Bilder finden Texte (mAP)</translation>
  </message>
  <message>
   <source>General sentences in the right order of meaning</source>
   <translation>Allgemeine Sätze in richtiger Reihenfolge der Bedeutung</translation>
  </message>
  <message>
   <source>It got better on drives kept apart, and kept what it knew: mAP {delta}, 95 % interval {low} to {high}.</source>
   <translation>Es wurde auf zurückgehaltenen Fahrten besser und behielt, was es konnte: mAP {delta}, 95-%-Intervall {low} bis {high}.</translation>
  </message>
  <message>
   <source>It kept what it knew, but did not get better on drives kept apart.</source>
   <translation>Es behielt, was es konnte, wurde auf zurückgehaltenen Fahrten aber nicht besser.</translation>
  </message>
  <message>
   <source>No clear difference on drives kept apart: mAP {delta}, and the 95 % interval, {low} to {high}, holds zero. It kept what it knew; more pairs of other drives would tell.</source>
   <translation>Kein klarer Unterschied auf zurückgehaltenen Fahrten: mAP {delta}, und das 95-%-Intervall, {low} bis {high}, enthält die Null. Es behielt, was es konnte; mehr Paare anderer Fahrten würden es zeigen.</translation>
  </message>
  <message>
   <source>No clear difference: too few images are kept apart to tell.</source>
   <translation>Kein klarer Unterschied: Zu wenige Bilder sind zurückgehalten, um es zu sagen.</translation>
  </message>
  <message>
   <source>Photographs that came with the model: {kind} (mAP)</source>
   <translation>Fotos, die mit dem Modell kamen: {kind} (mAP)</translation>
  </message>
  <message>
   <source>kinds of road</source>
   <translation>Straßenarten</translation>
  </message>
  <message>
   <source>night</source>
   <translation>Nacht</translation>
  </message>
  <message>
   <source>objects</source>
   <translation>Objekte</translation>
  </message>
  <message>
   <source>objects in weather</source>
   <translation>Objekte bei Wetter</translation>
  </message>
  <message>
   <source>places</source>
   <translation>Orte</translation>
  </message>
  <message>
   <source>signs</source>
   <translation>Schilder</translation>
  </message>
  <message>
   <source>vehicles</source>
   <translation>Fahrzeuge</translation>
  </message>
  <message>
   <source>weather</source>
   <translation>Wetter</translation>
  </message>
 </context>
 <context>
  <name>Overview</name>
  <message>
   <source>Figures</source>
   <translation>Zahlen</translation>
  </message>
  <message>
   <source>Precision at each recall</source>
   <translation>Genauigkeit bei jeder Trefferquote</translation>
  </message>
  <message>
   <source>Precision of the first n hits</source>
   <translation>Genauigkeit der ersten n Treffer</translation>
  </message>
  <message>
   <source>Recall of the first n hits</source>
   <translation>Trefferquote der ersten n Treffer</translation>
  </message>
  <message>
   <source>mAP by kind of query, 95 % intervals</source>
   <translation>mAP nach Art der Anfrage, 95-%-Intervalle</translation>
  </message>
 </context>
 <context>
  <name>OwnDataSection</name>
  <message>
   <source>A saved search for each; they count what the open folders hold of it.</source>
   <translation>Je eine gespeicherte Suche; sie zählen, was die offenen Ordner davon enthalten.</translation>
  </message>
  <message>
   <source>Add</source>
   <translation>Hinzufügen</translation>
  </message>
  <message>
   <source>As a text file, to keep or to take to another machine. Importing adds to what is here; of two things of one name the later one is kept.</source>
   <translation>Als Textdatei, zum Aufheben oder für einen anderen Rechner. Ein Import ergänzt, was hier ist; von zwei Dingen gleichen Namens bleibt das spätere.</translation>
  </message>
  <message>
   <source>Export</source>
   <translation>Exportieren</translation>
  </message>
  <message>
   <source>Export…</source>
   <translation>Exportieren …</translation>
  </message>
  <message>
   <source>Import</source>
   <translation>Importieren</translation>
  </message>
  <message>
   <source>Import…</source>
   <translation>Importieren…</translation>
  </message>
  <message>
   <source>Marks, tags, saved searches and test sets</source>
   <translation>Markierungen, Schlagwörter, gespeicherte Suchen und Testmengen</translation>
  </message>
  <message>
   <source>Remove</source>
   <translation>Entfernen</translation>
  </message>
  <message>
   <source>The 90 situations of SearchAD</source>
   <translation>Die 90 Situationen von SearchAD</translation>
  </message>
  <message>
   <source>There are now {0} marks, {1} tags, {2} saved searches and {3} test sets.</source>
   <translation>Es gibt jetzt {0} Markierungen, {1} Schlagwörter, {2} gespeicherte Suchen und {3} Testmengen.</translation>
  </message>
  <message>
   <source>{0} marks, {1} tags, {2} saved searches and {3} test sets are in {4}.</source>
   <translation>{0} Markierungen, {1} Schlagwörter, {2} gespeicherte Suchen und {3} Testmengen sind in {4}.</translation>
  </message>
 </context>
 <context>
  <name>Pages</name>
  <message>
   <source>Choose a folder…</source>
   <translation>Ordner wählen …</translation>
  </message>
  <message>
   <source>Choose another folder…</source>
   <translation>Anderen Ordner wählen …</translation>
  </message>
  <message>
   <source>Copy the command</source>
   <translation>Befehl kopieren</translation>
  </message>
  <message>
   <source>Drop a folder of camera frames here, or choose one. It is indexed at once, and you can search while that runs.</source>
   <translation>Einen Ordner mit Kamerabildern hier ablegen oder wählen. Er wird sofort indiziert; gesucht werden kann schon währenddessen.</translation>
  </message>
  <message>
   <source>FOR EXAMPLE</source>
   <translation>ZUM BEISPIEL</translation>
  </message>
  <message>
   <source>Find driving situations by describing them</source>
   <translation>Fahrsituationen finden, indem man sie beschreibt</translation>
  </message>
  <message>
   <source>Getting {0} ready</source>
   <translation>{0} wird vorbereitet</translation>
  </message>
  <message>
   <source>Hits appear here as soon as the first hundred frames are indexed.</source>
   <translation>Treffer erscheinen hier, sobald die ersten hundert Bilder indiziert sind.</translation>
  </message>
  <message>
   <source>Index now</source>
   <translation>Jetzt indizieren</translation>
  </message>
  <message>
   <source>Its disk or network share is not there now, and nothing of it was indexed; connect it and look again.</source>
   <translation>Sein Datenträger oder seine Netzwerkfreigabe ist gerade nicht da, und nichts davon ist indiziert; bitte verbinden und noch einmal nachsehen.</translation>
  </message>
  <message>
   <source>Look again</source>
   <translation>Erneut suchen</translation>
  </message>
  <message>
   <source>No frame fulfils this</source>
   <translation>Kein Bild erfüllt das</translation>
  </message>
  <message>
   <source>No frame passes the filters on the left; loosen or clear them.</source>
   <translation>Kein Bild passt zu den Filtern links; lockern oder leeren.</translation>
  </message>
  <message>
   <source>No frames of this model</source>
   <translation>Keine Bilder dieses Modells</translation>
  </message>
  <message>
   <source>No images here</source>
   <translation>Keine Bilder hier</translation>
  </message>
  <message>
   <source>No picture that can be read was found in this folder or below it. Label, mask, depth and lidar folders are left out.</source>
   <translation>In diesem Ordner und darunter gibt es kein Bild, das gelesen werden kann. Ordner mit Labels, Masken, Tiefe und Lidar bleiben außen vor.</translation>
  </message>
  <message>
   <source>None of the {0} frames stands out for this query. Try other words, or look at the nearest frames anyway.</source>
   <translation>Keines der {0} Bilder sticht bei dieser Anfrage heraus. Andere Worte versuchen oder die nächstliegenden trotzdem ansehen.</translation>
  </message>
  <message>
   <source>Not indexed yet</source>
   <translation>Noch nicht indiziert</translation>
  </message>
  <message>
   <source>Not known yet</source>
   <translation>Noch nicht bekannt</translation>
  </message>
  <message>
   <source>Nothing leaves this machine, and nothing is written into your folders.</source>
   <translation>Nichts verlässt diesen Rechner, und in die Ordner wird nichts geschrieben.</translation>
  </message>
  <message>
   <source>Nothing left after filtering</source>
   <translation>Nach dem Filtern bleibt nichts</translation>
  </message>
  <message>
   <source>Nothing matches</source>
   <translation>Nichts passt</translation>
  </message>
  <message>
   <source>OPENED BEFORE</source>
   <translation>ZULETZT GEÖFFNET</translation>
  </message>
  <message>
   <source>Opening {0}…</source>
   <translation>{0} wird geöffnet …</translation>
  </message>
  <message>
   <source>Show skipped files</source>
   <translation>Ausgelassene Dateien zeigen</translation>
  </message>
  <message>
   <source>Show the nearest anyway</source>
   <translation>Die nächstliegenden trotzdem zeigen</translation>
  </message>
  <message>
   <source>Show what was left out</source>
   <translation>Zeigen, was ausgelassen wurde</translation>
  </message>
  <message>
   <source>The first frames are on their way</source>
   <translation>Die ersten Bilder sind unterwegs</translation>
  </message>
  <message>
   <source>The first frames can be searched in a moment.</source>
   <translation>Die ersten Bilder können gleich durchsucht werden.</translation>
  </message>
  <message>
   <source>The model is being loaded; this takes a second or two.</source>
   <translation>Das Modell wird geladen; das dauert ein, zwei Sekunden.</translation>
  </message>
  <message>
   <source>The sample's pictures are drawn, not photographed.</source>
   <translation>Die Bilder des Beispiels sind gezeichnet, nicht fotografiert.</translation>
  </message>
  <message>
   <source>This folder has not been looked through yet.</source>
   <translation>Dieser Ordner ist noch nicht durchgesehen worden.</translation>
  </message>
  <message>
   <source>This table was made with another model, or holds no frames yet. Choose the model that it was made with, or look again later.</source>
   <translation>Diese Tabelle wurde mit einem anderen Modell erstellt oder enthält noch keine Bilder. Wählen Sie das Modell, mit dem sie erstellt wurde, oder sehen Sie später noch einmal nach.</translation>
  </message>
  <message>
   <source>Try the sample drive</source>
   <translation>Beispielfahrt ausprobieren</translation>
  </message>
  <message>
   <source>Update the index…</source>
   <translation>Index aktualisieren…</translation>
  </message>
  <message>
   <source>Use the C4T model</source>
   <translation>C4T-Modell benutzen</translation>
  </message>
  <message>
   <source>cyclist on a rainy street</source>
   <translation>cyclist on a rainy street</translation>
  </message>
  <message>
   <source>pedestrian crossing at night</source>
   <translation>pedestrian crossing at night</translation>
  </message>
  <message>
   <source>road through trees - cars</source>
   <translation>road through trees - cars</translation>
  </message>
  <message>
   <source>traffic jam on a motorway</source>
   <translation>traffic jam on a motorway</translation>
  </message>
  <message>
   <source>truck in snow</source>
   <translation>truck in snow</translation>
  </message>
  <message>
   <source>{0} file in this folder or below it was left out, by rules or for its format.</source>
   <translation>{0} Datei in diesem Ordner oder darunter wurde ausgelassen, nach Regeln oder wegen ihres Formats.</translation>
  </message>
  <message>
   <source>{0} files in this folder or below it were left out, by rules or for their format.</source>
   <translation>{0} Dateien in diesem Ordner oder darunter wurden ausgelassen, nach Regeln oder wegen ihres Formats.</translation>
  </message>
  <message>
   <source>{0} images wait to be indexed for this model.</source>
   <translation>{0} Bilder warten darauf, für dieses Modell indiziert zu werden.</translation>
  </message>
  <message>
   <source>{0} is offline</source>
   <translation>{0} ist offline</translation>
  </message>
  <message>
   <source>{0}: no model that sees this has looked at these frames. Update the index to see what is in them.</source>
   <translation>{0}: kein Modell, das dies erkennt, hat diese Bilder gesehen. Den Index aktualisieren, um zu erfahren, was darauf ist.</translation>
  </message>
  <message>
   <source>{0}: the model saw this in none of {1} frames. Click a condition to change it, or take it away with its cross.</source>
   <translation>{0}: das hat das Modell in keinem von {1} Bildern gesehen. Eine Bedingung anklicken, um sie zu ändern, oder mit ihrem Kreuz wegnehmen.</translation>
  </message>
 </context>
 <context>
  <name>PairsPage</name>
  <message>
   <source>A CSV, TSV or JSON file with images and captions</source>
   <translation>Eine CSV-, TSV- oder JSON-Datei mit Bildern und Bildtexten</translation>
  </message>
  <message>
   <source>Caption</source>
   <translation>Bildtext</translation>
  </message>
  <message>
   <source>Choose the pairs to learn from.</source>
   <translation>Die Paare wählen, aus denen gelernt wird.</translation>
  </message>
  <message>
   <source>Choose…</source>
   <translation>Wählen …</translation>
  </message>
  <message>
   <source>Drive</source>
   <translation>Fahrt</translation>
  </message>
  <message>
   <source>First pairs</source>
   <translation>Erste Paare</translation>
  </message>
  <message>
   <source>Folder of the images</source>
   <translation>Ordner der Bilder</translation>
  </message>
  <message>
   <source>Image</source>
   <translation>Bild</translation>
  </message>
  <message>
   <source>Images</source>
   <translation>Bilder</translation>
  </message>
  <message>
   <source>Line {line}: </source>
   <translation>Zeile {line}: </translation>
  </message>
  <message>
   <source>Make from labels…</source>
   <translation>Aus Labels erzeugen …</translation>
  </message>
  <message>
   <source>Pairs</source>
   <translation>Paare</translation>
  </message>
  <message>
   <source>Pairs file</source>
   <translation>Paardatei</translation>
  </message>
  <message>
   <source>Pairs may come from a file of yours, from the labels of a data set, or from the frames you marked.</source>
   <translation>Paare können aus einer eigenen Datei kommen, aus den Labels eines Datensatzes oder aus den markierten Bildern.</translation>
  </message>
  <message>
   <source>Problems in the pairs</source>
   <translation>Probleme in den Paaren</translation>
  </message>
  <message>
   <source>Reading the labels…</source>
   <translation>Labels werden gelesen …</translation>
  </message>
  <message>
   <source>Reading…</source>
   <translation>Wird gelesen …</translation>
  </message>
  <message>
   <source>The folder of the pairs file</source>
   <translation>Der Ordner der Paardatei</translation>
  </message>
  <message>
   <source>There are no usable pairs; mend the lines listed, or choose others.</source>
   <translation>Es gibt keine brauchbaren Paare; die genannten Zeilen richten oder andere wählen.</translation>
  </message>
  <message>
   <source>Use my marks</source>
   <translation>Meine Markierungen nutzen</translation>
  </message>
  <message>
   <source>and {count} more</source>
   <translation>und {count} weitere</translation>
  </message>
  <message>
   <source>{0} drive</source>
   <translation>{0} Fahrt</translation>
  </message>
  <message>
   <source>{0} drives</source>
   <translation>{0} Fahrten</translation>
  </message>
  <message>
   <source>{0} image</source>
   <translation>{0} Bild</translation>
  </message>
  <message>
   <source>{0} images</source>
   <translation>{0} Bildern</translation>
  </message>
  <message>
   <source>{0} pair</source>
   <translation>{0} Paar</translation>
  </message>
  <message>
   <source>{0} pairs</source>
   <translation>{0} Paare</translation>
  </message>
  <message>
   <source>{0} row says what an image does not show</source>
   <translation>{0} Zeile sagt, was ein Bild nicht zeigt</translation>
  </message>
  <message>
   <source>{0} rows say what an image does not show</source>
   <translation>{0} Zeilen sagen, was ein Bild nicht zeigt</translation>
  </message>
  <message>
   <source>{pairs} of {images} from {drives} ({form})</source>
   <translation>{pairs} zu {images} aus {drives} ({form})</translation>
  </message>
 </context>
 <context>
  <name>QueriesPage</name>
  <message>
   <source>Hits of the query</source>
   <translation>Treffer der Anfrage</translation>
  </message>
  <message>
   <source>Queries</source>
   <translation>Anfragen</translation>
  </message>
  <message>
   <source>{query}: {right} of the first {count} are right, {relevant} in all</source>
   <translation>{query}: {right} der ersten {count} sind richtig, {relevant} insgesamt</translation>
  </message>
 </context>
 <context>
  <name>QueryField</name>
  <message>
   <source>Describe what to look for, such as: truck in snow - people</source>
   <translation>Auf Englisch beschreiben, was gesucht wird, etwa: truck in snow - people</translation>
  </message>
  <message>
   <source>Search</source>
   <translation>Suchen</translation>
  </message>
 </context>
 <context>
  <name>RefineChip</name>
  <message>
   <source>Marks move this query, and what is marked as wrong is left out. Mark frames with R and X. Click, Delete or Ctrl+M asks without the marks.</source>
   <translation>Markierungen verschieben diese Suche, und als falsch Markiertes bleibt weg. Bilder mit R und X markieren. Ein Klick, Entf oder Strg+M sucht ohne die Markierungen.</translation>
  </message>
  <message>
   <source>refined by marks: none yet</source>
   <translation>verfeinert: noch keine Markierung</translation>
  </message>
  <message>
   <source>refined by {0} right, {1} wrong</source>
   <translation>verfeinert: {0} richtig, {1} falsch</translation>
  </message>
 </context>
 <context>
  <name>ResultPage</name>
  <message>
   <source>After</source>
   <translation>Nachher</translation>
  </message>
  <message>
   <source>Before</source>
   <translation>Vorher</translation>
  </message>
  <message>
   <source>Before and after</source>
   <translation>Vorher und nachher</translation>
  </message>
  <message>
   <source>Change</source>
   <translation>Änderung</translation>
  </message>
  <message>
   <source>Images that cannot be read</source>
   <translation>Bilder, die nicht lesbar sind</translation>
  </message>
  <message>
   <source>Measured on</source>
   <translation>Gemessen an</translation>
  </message>
  <message>
   <source>Overview</source>
   <translation>Überblick</translation>
  </message>
  <message>
   <source>Parts</source>
   <translation>Teile</translation>
  </message>
  <message>
   <source>Queries</source>
   <translation>Anfragen</translation>
  </message>
  <message>
   <source>The same queries on parts of the frames, and by what they ask for.</source>
   <translation>Dieselben Anfragen an Teile der Bilder, und nach dem, was gesucht wird.</translation>
  </message>
  <message>
   <source>The training is done</source>
   <translation>Das Training ist fertig</translation>
  </message>
  <message>
   <source>Use it now</source>
   <translation>Jetzt benutzen</translation>
  </message>
  <message>
   <source>Using it makes an index of its own in the background; the old model, and its index, stay as they are.</source>
   <translation>Wird es benutzt, entsteht im Hintergrund ein eigener Index; das alte Modell und sein Index bleiben, wie sie sind.</translation>
  </message>
  <message>
   <source>{0} image could not be read</source>
   <translation>{0} Bild war nicht lesbar</translation>
  </message>
  <message>
   <source>{0} images could not be read</source>
   <translation>{0} Bilder waren nicht lesbar</translation>
  </message>
  <message>
   <source>{name} is ready</source>
   <translation>{name} ist bereit</translation>
  </message>
 </context>
 <context>
  <name>ResultsHeader</name>
  <message>
   <source>Automatic</source>
   <translation>Automatisch</translation>
  </message>
  <message>
   <source>Back to the cut that the scores suggest</source>
   <translation>Zurück zu der Schwelle, die die Bewertungen nahelegen</translation>
  </message>
  <message>
   <source>Exclude “{0}”</source>
   <translation>„{0}“ ausschließen</translation>
  </message>
  <message>
   <source>Fold events</source>
   <translation>Ereignisse falten</translation>
  </message>
  <message>
   <source>Look again</source>
   <translation>Erneut suchen</translation>
  </message>
  <message>
   <source>Search for “{0}”</source>
   <translation>Nach „{0}“ suchen</translation>
  </message>
  <message>
   <source>Show fewer</source>
   <translation>Weniger zeigen</translation>
  </message>
  <message>
   <source>Show frames that follow each other as one event (E unfolds)</source>
   <translation>Aufeinanderfolgende Bilder als ein Ereignis zeigen (E klappt auf)</translation>
  </message>
  <message>
   <source>Show more</source>
   <translation>Mehr zeigen</translation>
  </message>
  <message>
   <source>Size of the pictures</source>
   <translation>Größe der Bilder</translation>
  </message>
  <message>
   <source>Sort by</source>
   <translation>Sortieren nach</translation>
  </message>
  <message>
   <source>Sort: {0}</source>
   <translation>Sortierung: {0}</translation>
  </message>
  <message>
   <source>The automatic cut lies between where few frames part from the rest and what sentences reach that no frame shows. It is a proposal.</source>
   <translation>Die automatische Schwelle liegt zwischen der Stelle, an der sich wenige Bilder vom Rest absetzen, und dem, was Sätze erreichen, die kein Bild zeigt. Sie ist ein Vorschlag.</translation>
  </message>
  <message>
   <source>The disk or network share of these frames is not there now. They can be browsed and searched; connect it to see the pictures.</source>
   <translation>Der Datenträger oder die Netzwerkfreigabe dieser Bilder ist gerade nicht da. Sie lassen sich durchblättern und durchsuchen; zum Ansehen bitte verbinden.</translation>
  </message>
  <message>
   <source>The model may not know {0}.</source>
   <translation>Das Modell kennt {0} vielleicht nicht.</translation>
  </message>
  <message>
   <source>The model may not know {0}; it reads English. Say it in other words.</source>
   <translation>Das Modell kennt {0} vielleicht nicht; es liest Englisch. Sagen Sie es mit anderen Worten.</translation>
  </message>
  <message>
   <source>The nearest {0}</source>
   <translation>Die nächsten {0}</translation>
  </message>
  <message>
   <source>Update the index…</source>
   <translation>Index aktualisieren…</translation>
  </message>
  <message>
   <source>What is in the frame is known for {0} of {1} frames; the others are left out until the index is updated.</source>
   <translation>Was zu sehen ist, ist für {0} von {1} Bildern bekannt; die anderen fehlen hier, bis der Index aktualisiert ist.</translation>
  </message>
  <message>
   <source>confidence</source>
   <translation>Sicherheit</translation>
  </message>
  <message>
   <source>cut {0}</source>
   <translation>Schwelle {0}</translation>
  </message>
  <message>
   <source>cut {0}, automatic</source>
   <translation>Schwelle {0}, automatisch</translation>
  </message>
  <message>
   <source>drive</source>
   <translation>Fahrt</translation>
  </message>
  <message>
   <source>no cut</source>
   <translation>keine Schwelle</translation>
  </message>
  <message>
   <source>nothing stands out</source>
   <translation>nichts sticht heraus</translation>
  </message>
  <message>
   <source>of {0}</source>
   <translation>von {0}</translation>
  </message>
  <message>
   <source>score</source>
   <translation>Wert</translation>
  </message>
  <message>
   <source>time</source>
   <translation>Zeit</translation>
  </message>
  <message>
   <source>top {0} % of {1} frames</source>
   <translation>die besten {0} % von {1} Bildern</translation>
  </message>
  <message>
   <source>{0} drive</source>
   <translation>{0} Fahrt</translation>
  </message>
  <message>
   <source>{0} drives</source>
   <translation>{0} Fahrten</translation>
  </message>
  <message>
   <source>{0} event</source>
   <translation>{0} Ereignis</translation>
  </message>
  <message>
   <source>{0} events</source>
   <translation>{0} Ereignissen</translation>
  </message>
  <message>
   <source>{0} frame</source>
   <translation>{0} Bild</translation>
  </message>
  <message>
   <source>{0} frames</source>
   <translation>{0} Bilder</translation>
  </message>
  <message>
   <source>{0} in {1}</source>
   <translation>{0} in {1}</translation>
  </message>
  <message>
   <source>{0} is searched for as it is.</source>
   <translation>Nach {0} wird so gesucht, wie es dasteht.</translation>
  </message>
  <message>
   <source>{0} match</source>
   <translation>{0} Treffer</translation>
  </message>
  <message>
   <source>{0} matches</source>
   <translation>{0} Treffer</translation>
  </message>
  <message>
   <source>{0} of {1}</source>
   <translation>{0} von {1}</translation>
  </message>
 </context>
 <context>
  <name>ResultsModel</name>
  <message>
   <source>event of {0} frames</source>
   <translation>Ereignis aus {0} Bildern</translation>
  </message>
  <message>
   <source>marked right</source>
   <translation>als richtig markiert</translation>
  </message>
  <message>
   <source>marked wrong</source>
   <translation>als falsch markiert</translation>
  </message>
  <message>
   <source>score {0}</source>
   <translation>Wert {0}</translation>
  </message>
 </context>
 <context>
  <name>ResultsView</name>
  <message>
   <source>Drag at most {0} frames at once; copy their paths, or export them.</source>
   <translation>Höchstens {0} Bilder auf einmal ziehen; ihre Pfade kopieren oder sie exportieren.</translation>
  </message>
  <message>
   <source>Drive not known</source>
   <translation>Fahrt unbekannt</translation>
  </message>
  <message>
   <source>Results</source>
   <translation>Ergebnisse</translation>
  </message>
  <message>
   <source>{0} frame</source>
   <translation>{0} Bild</translation>
  </message>
  <message>
   <source>{0} frames</source>
   <translation>{0} Bilder</translation>
  </message>
 </context>
 <context>
  <name>RunPage</name>
  <message>
   <source> and others; the result lists them all</source>
   <translation> und andere; das Ergebnis nennt alle</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>Abbrechen</translation>
  </message>
  <message>
   <source>Goes on where it stopped.</source>
   <translation>Es geht weiter, wo es aufgehört hat.</translation>
  </message>
  <message>
   <source>Loss</source>
   <translation>Verlust</translation>
  </message>
  <message>
   <source>Measuring before and after…</source>
   <translation>Vorher und nachher werden gemessen …</translation>
  </message>
  <message>
   <source>Memory was short; goes on with batches of {batch}.</source>
   <translation>Der Speicher war knapp; weiter mit Stapeln von {batch}.</translation>
  </message>
  <message>
   <source>Pause</source>
   <translation>Pause</translation>
  </message>
  <message>
   <source>Paused; its state is saved, also if you close the application.</source>
   <translation>Angehalten; der Stand ist gesichert, auch wenn die Anwendung geschlossen wird.</translation>
  </message>
  <message>
   <source>Preparing: {done} of {total}</source>
   <translation>Vorbereiten: {done} von {total}</translation>
  </message>
  <message>
   <source>Progress of the training</source>
   <translation>Fortschritt des Trainings</translation>
  </message>
  <message>
   <source>Resume</source>
   <translation>Fortsetzen</translation>
  </message>
  <message>
   <source>Retrieval (mAP)</source>
   <translation>Wiederfinden (mAP)</translation>
  </message>
  <message>
   <source>Saving the new model…</source>
   <translation>Das neue Modell wird gespeichert …</translation>
  </message>
  <message>
   <source>Saving the state…</source>
   <translation>Der Stand wird gesichert …</translation>
  </message>
  <message>
   <source>Starting; loading the training packages takes a moment…</source>
   <translation>Start; das Laden der Trainingspakete dauert einen Moment …</translation>
  </message>
  <message>
   <source>Step {step} of {steps}, epoch {epoch}</source>
   <translation>Schritt {step} von {steps}, Epoche {epoch}</translation>
  </message>
  <message>
   <source>Stopped early: it got no better any more.</source>
   <translation>Vorzeitig beendet: Es wurde nicht mehr besser.</translation>
  </message>
  <message>
   <source>Training takes about {time}; measuring before and after comes on top.</source>
   <translation>Das Training dauert etwa {time}; dazu kommt das Messen vorher und nachher.</translation>
  </message>
  <message>
   <source>Training {name}</source>
   <translation>{name} wird trainiert</translation>
  </message>
  <message>
   <source>captions find images</source>
   <translation>Texte finden Bilder</translation>
  </message>
  <message>
   <source>images find captions</source>
   <translation>Bilder finden Texte</translation>
  </message>
  <message>
   <source>kept apart</source>
   <translation>zurückgehalten</translation>
  </message>
  <message>
   <source>training</source>
   <translation>Training</translation>
  </message>
  <message>
   <source>{0} image cannot be read and is left out</source>
   <translation>{0} Bild ist nicht lesbar und bleibt weg</translation>
  </message>
  <message>
   <source>{0} images cannot be read and are left out</source>
   <translation>{0} Bilder sind nicht lesbar und bleiben weg</translation>
  </message>
  <message>
   <source>{time} left</source>
   <translation>noch {time}</translation>
  </message>
 </context>
 <context>
  <name>ScenarioSection</name>
  <message>
   <source>+{0} new</source>
   <translation>+{0} neu</translation>
  </message>
  <message>
   <source>Copy the query</source>
   <translation>Suchtext kopieren</translation>
  </message>
  <message>
   <source>Delete</source>
   <translation>Löschen</translation>
  </message>
  <message>
   <source>Its cut was found with another model, so nothing counts as new; save the search again to find its cut for this one</source>
   <translation>Die Schwelle wurde mit einem anderen Modell gefunden, daher zählt nichts als neu; speichern Sie die Suche erneut, um sie für dieses zu finden</translation>
  </message>
  <message>
   <source>Move down</source>
   <translation>Nach unten</translation>
  </message>
  <message>
   <source>Move up</source>
   <translation>Nach oben</translation>
  </message>
  <message>
   <source>Rename…</source>
   <translation>Umbenennen…</translation>
  </message>
  <message>
   <source>Run</source>
   <translation>Ausführen</translation>
  </message>
  <message>
   <source>Run this search again; drag it to another place; F2 renames it, Delete removes it</source>
   <translation>Diese Suche noch einmal ausführen; ziehen verschiebt sie, F2 benennt sie um, Entf löscht sie</translation>
  </message>
  <message>
   <source>Show or hide the situations of SearchAD; Delete removes them all</source>
   <translation>Situationen von SearchAD zeigen oder verbergen; Entf löscht sie alle</translation>
  </message>
  <message>
   <source>unreadable</source>
   <translation>unlesbar</translation>
  </message>
 </context>
 <context>
  <name>SearchADRow</name>
  <message>
   <source>90 labels of rare things, scored by the benchmark's rules. Frames of the chosen part that are not indexed yet are indexed first. The exported report holds scores and predictions too.</source>
   <translation>90 Begriffe für Seltenes, gewertet nach den Regeln des Benchmarks. Bilder des gewählten Teils, die noch nicht indiziert sind, werden zuerst indiziert. Der exportierte Bericht enthält auch Wertung und Vorhersagen.</translation>
  </message>
  <message>
   <source>Asked in words</source>
   <translation>Mit Worten gefragt</translation>
  </message>
  <message>
   <source>Asked with both</source>
   <translation>Mit beidem gefragt</translation>
  </message>
  <message>
   <source>Asked with image crops</source>
   <translation>Mit Bildausschnitten gefragt</translation>
  </message>
  <message>
   <source>C4T's own sentences</source>
   <translation>Eigene Sätze von C4T</translation>
  </message>
  <message>
   <source>Part of SearchAD</source>
   <translation>Teil von SearchAD</translation>
  </message>
  <message>
   <source>SearchAD's words, where it has any</source>
   <translation>Worte von SearchAD, wo es welche hat</translation>
  </message>
  <message>
   <source>Training part</source>
   <translation>Trainingsteil</translation>
  </message>
  <message>
   <source>Validation part</source>
   <translation>Validierungsteil</translation>
  </message>
  <message>
   <source>What is asked with</source>
   <translation>Womit gefragt wird</translation>
  </message>
  <message>
   <source>Whose words are asked</source>
   <translation>Mit wessen Worten gefragt wird</translation>
  </message>
 </context>
 <context>
  <name>SearchBar</name>
  <message>
   <source>Clear the search (Esc)</source>
   <translation>Suche leeren (Esc)</translation>
  </message>
  <message>
   <source>Describe a situation, or drop an image…</source>
   <translation>Situation auf Englisch beschreiben oder Bild ablegen …</translation>
  </message>
  <message>
   <source>Save this search as a scenario (Ctrl+S)</source>
   <translation>Diese Suche als Szenario speichern (Strg+S)</translation>
  </message>
  <message>
   <source>The model reads up to “{0}” and no further. Put what matters first, or join shorter terms with +.</source>
   <translation>Das Modell liest bis „{0}“ und nicht weiter. Stellen Sie das Wichtige voran oder verbinden Sie kürzere Begriffe mit +.</translation>
  </message>
  <message>
   <source>Too long: its end is left out</source>
   <translation>Zu lang: Das Ende bleibt unbeachtet</translation>
  </message>
  <message>
   <source>add a term…</source>
   <translation>Begriff hinzufügen …</translation>
  </message>
 </context>
 <context>
  <name>Selection</name>
  <message>
   <source>Right and wrong marks belong to a query; ask for something first.</source>
   <translation>Richtig und falsch gehören zu einer Anfrage; suchen Sie erst nach etwas.</translation>
  </message>
 </context>
 <context>
  <name>Settings</name>
  <message>
   <source>Appearance</source>
   <translation>Aussehen</translation>
  </message>
  <message>
   <source>Colours</source>
   <translation>Farben</translation>
  </message>
  <message>
   <source>Dark</source>
   <translation>Dunkel</translation>
  </message>
  <message>
   <source>Drive and time on the cards</source>
   <translation>Fahrt und Zeit auf den Karten</translation>
  </message>
  <message>
   <source>Enlarge under the mouse</source>
   <translation>Unter der Maus vergrößern</translation>
  </message>
  <message>
   <source>Fold events</source>
   <translation>Ereignisse falten</translation>
  </message>
  <message>
   <source>Folders to leave out</source>
   <translation>Auszulassende Ordner</translation>
  </message>
  <message>
   <source>From the pictures that are read anyway, up to the space below: scrolling then reads no file again.</source>
   <translation>Aus den Bildern, die ohnehin gelesen werden, soweit der Platz darunter reicht: Beim Blättern wird dann keine Datei noch einmal gelesen.</translation>
  </message>
  <message>
   <source>How long to wait for the next key before searching.</source>
   <translation>Wie lange vor dem Suchen auf die nächste Taste gewartet wird.</translation>
  </message>
  <message>
   <source>Index what is added to an open folder as soon as it comes to rest; where a network drive tells nothing, F5 looks.</source>
   <translation>Neues in einem offenen Ordner indizieren, sobald er zur Ruhe kommt; wo ein Netzlaufwerk nichts meldet, sucht F5.</translation>
  </message>
  <message>
   <source>Index when a folder is opened</source>
   <translation>Beim Öffnen eines Ordners indizieren</translation>
  </message>
  <message>
   <source>Indexing, training, evaluation, export: by a notification of the desktop, where the window is not in front.</source>
   <translation>Indizieren, Trainieren, Bewerten, Exportieren: durch eine Meldung des Desktops, wenn das Fenster nicht im Vordergrund ist.</translation>
  </message>
  <message>
   <source>Language</source>
   <translation>Sprache</translation>
  </message>
  <message>
   <source>Language of the window; takes effect at the next start.</source>
   <translation>Sprache des Fensters; gilt ab dem nächsten Start.</translation>
  </message>
  <message>
   <source>Least width of a picture in the results; rows fill the width.</source>
   <translation>Mindestbreite eines Bildes in den Ergebnissen; Zeilen füllen die Breite.</translation>
  </message>
  <message>
   <source>Library</source>
   <translation>Bibliothek</translation>
  </message>
  <message>
   <source>Light</source>
   <translation>Hell</translation>
  </message>
  <message>
   <source>Light or dark; “system” follows the desktop.</source>
   <translation>Hell oder dunkel; „System“ folgt dem Desktop.</translation>
  </message>
  <message>
   <source>Look for new and changed images at once; otherwise only when you ask for it.</source>
   <translation>Sofort nach neuen und geänderten Bildern suchen; sonst nur auf Wunsch.</translation>
  </message>
  <message>
   <source>Make thumbnails while indexing</source>
   <translation>Vorschaubilder beim Indizieren anlegen</translation>
  </message>
  <message>
   <source>Names of sub-folders, separated by commas, * for any text; label, mask, depth and lidar folders are left out anyway.</source>
   <translation>Namen von Unterordnern, durch Kommas getrennt, * für beliebigen Text; Ordner mit Labels, Masken, Tiefe und Lidar bleiben ohnehin außen vor.</translation>
  </message>
  <message>
   <source>Picture size</source>
   <translation>Bildgröße</translation>
  </message>
  <message>
   <source>Results</source>
   <translation>Ergebnisse</translation>
  </message>
  <message>
   <source>Search</source>
   <translation>Suchen</translation>
  </message>
  <message>
   <source>Search while typing after</source>
   <translation>Suche beim Tippen nach</translation>
  </message>
  <message>
   <source>Show a larger picture when the mouse rests on a hit.</source>
   <translation>Ein größeres Bild zeigen, wenn die Maus auf einem Treffer ruht.</translation>
  </message>
  <message>
   <source>Show hits of one drive that follow each other as one event with its best frame.</source>
   <translation>Aufeinanderfolgende Treffer einer Fahrt als ein Ereignis mit seinem besten Bild zeigen.</translation>
  </message>
  <message>
   <source>Show pictures whole on the cards; otherwise they fill them.</source>
   <translation>Bilder auf den Karten ganz zeigen; sonst füllen sie sie aus.</translation>
  </message>
  <message>
   <source>Show when a frame was taken, and on which drive, instead of its file.</source>
   <translation>Zeigt statt der Datei, wann und auf welcher Fahrt ein Bild entstand.</translation>
  </message>
  <message>
   <source>Size of all text and of what surrounds it.</source>
   <translation>Größe aller Texte und ihrer Umgebung.</translation>
  </message>
  <message>
   <source>Space for thumbnails</source>
   <translation>Platz für Vorschaubilder</translation>
  </message>
  <message>
   <source>System</source>
   <translation>System</translation>
  </message>
  <message>
   <source>Tell when long work is done</source>
   <translation>Das Ende langer Arbeit melden</translation>
  </message>
  <message>
   <source>Text size</source>
   <translation>Textgröße</translation>
  </message>
  <message>
   <source>The oldest thumbnails on disk are removed beyond this size.</source>
   <translation>Darüber hinaus werden die ältesten Vorschaubilder gelöscht.</translation>
  </message>
  <message>
   <source>Watch for new files</source>
   <translation>Auf neue Dateien achten</translation>
  </message>
  <message>
   <source>Whole pictures</source>
   <translation>Ganze Bilder</translation>
  </message>
 </context>
 <context>
  <name>SettingsDialog</name>
  <message>
   <source>Settings</source>
   <translation>Einstellungen</translation>
  </message>
  <message>
   <source>Space on disk</source>
   <translation>Platz auf der Platte</translation>
  </message>
  <message>
   <source>What you made</source>
   <translation>Ihre eigenen Daten</translation>
  </message>
 </context>
 <context>
  <name>SetupPage</name>
  <message>
   <source>A CSV, TSV or JSON file with images and captions</source>
   <translation>Eine CSV-, TSV- oder JSON-Datei mit Bildern und Bildtexten</translation>
  </message>
  <message>
   <source>A2D2, BDD100K, Cityscapes, COCO, KITTI, masks and others</source>
   <translation>A2D2, BDD100K, Cityscapes, COCO, KITTI, Masken und andere</translation>
  </message>
  <message>
   <source>Choose a pairs file, or make one from labels.</source>
   <translation>Eine Paardatei wählen oder aus Labels erzeugen.</translation>
  </message>
  <message>
   <source>Choose at least one model.</source>
   <translation>Mindestens ein Modell wählen.</translation>
  </message>
  <message>
   <source>Choose: {0}</source>
   <translation>Wählen: {0}</translation>
  </message>
  <message>
   <source>Choose…</source>
   <translation>Wählen …</translation>
  </message>
  <message>
   <source>Evaluate</source>
   <translation>Bewerten</translation>
  </message>
  <message>
   <source>Folder of the images</source>
   <translation>Ordner der Bilder</translation>
  </message>
  <message>
   <source>Ground truth</source>
   <translation>Referenzdaten</translation>
  </message>
  <message>
   <source>Ground truth (*.jsonl);;All files (*)</source>
   <translation>Referenzdaten (*.jsonl);;Alle Dateien (*)</translation>
  </message>
  <message>
   <source>How well do models find what is asked for? Measured on frames of which it is known what they show: the same queries for every model, on this machine.</source>
   <translation>Wie gut finden Modelle, wonach gefragt wird? Gemessen an Bildern, deren Inhalt bekannt ist: dieselben Anfragen für jedes Modell, auf diesem Rechner.</translation>
  </message>
  <message>
   <source>Images</source>
   <translation>Bilder</translation>
  </message>
  <message>
   <source>MODELS</source>
   <translation>MODELLE</translation>
  </message>
  <message>
   <source>Make from labels…</source>
   <translation>Aus Labels erzeugen …</translation>
  </message>
  <message>
   <source>My right and wrong marks (none yet: R and X mark hits)</source>
   <translation>Meine Markierungen (noch keine: R und X markieren Treffer)</translation>
  </message>
  <message>
   <source>My right and wrong marks (queries: {queries}, frames: {frames})</source>
   <translation>Meine Markierungen (Anfragen: {queries}, Bilder: {frames})</translation>
  </message>
  <message>
   <source>Optional: JSON lines; gives better queries, and results by weather, time, …</source>
   <translation>Freiwillig: JSON Lines; bessere Anfragen, Ergebnisse nach Wetter, Zeit, …</translation>
  </message>
  <message>
   <source>Pairs</source>
   <translation>Paare</translation>
  </message>
  <message>
   <source>Pairs (*.csv *.tsv *.txt *.jsonl *.json *.gz);;All files (*)</source>
   <translation>Paare (*.csv *.tsv *.txt *.jsonl *.json *.gz);;Alle Dateien (*)</translation>
  </message>
  <message>
   <source>Pairs file</source>
   <translation>Paardatei</translation>
  </message>
  <message>
   <source>Pairs of images and captions, or labels</source>
   <translation>Paare aus Bildern und Bildtexten, oder Labels</translation>
  </message>
  <message>
   <source>TEST SET</source>
   <translation>TESTMENGE</translation>
  </message>
  <message>
   <source>The folder of the pairs file</source>
   <translation>Der Ordner der Paardatei</translation>
  </message>
  <message>
   <source>The public benchmark SearchAD, in {0}</source>
   <translation>Der öffentliche Benchmark SearchAD, in {0}</translation>
  </message>
 </context>
 <context>
  <name>ShortcutsDialog</name>
  <message>
   <source>Keyboard shortcuts</source>
   <translation>Tastenkürzel</translation>
  </message>
  <message>
   <source>Large frame</source>
   <translation>Großes Bild</translation>
  </message>
  <message>
   <source>Library</source>
   <translation>Bibliothek</translation>
  </message>
  <message>
   <source>Results</source>
   <translation>Ergebnisse</translation>
  </message>
  <message>
   <source>Search</source>
   <translation>Suchen</translation>
  </message>
  <message>
   <source>Window</source>
   <translation>Fenster</translation>
  </message>
  <message>
   <source>add a folder</source>
   <translation>Ordner hinzufügen</translation>
  </message>
  <message>
   <source>back to the results</source>
   <translation>zurück zu den Ergebnissen</translation>
  </message>
  <message>
   <source>before a term: its weight</source>
   <translation>vor einem Begriff: sein Gewicht</translation>
  </message>
  <message>
   <source>between spaces: add, exclude a term</source>
   <translation>zwischen Leerzeichen: Begriff dazu, Begriff weg</translation>
  </message>
  <message>
   <source>clear the search</source>
   <translation>Suche leeren</translation>
  </message>
  <message>
   <source>close the folder</source>
   <translation>Ordner schließen</translation>
  </message>
  <message>
   <source>compare two models</source>
   <translation>zwei Modelle vergleichen</translation>
  </message>
  <message>
   <source>copy paths</source>
   <translation>Pfade kopieren</translation>
  </message>
  <message>
   <source>earlier, later in time</source>
   <translation>früher, später</translation>
  </message>
  <message>
   <source>export</source>
   <translation>exportieren</translation>
  </message>
  <message>
   <source>first, last</source>
   <translation>erster, letzter</translation>
  </message>
  <message>
   <source>folders and filters; details</source>
   <translation>Ordner und Filter; Details</translation>
  </message>
  <message>
   <source>in the list of scenarios: rename, move, delete</source>
   <translation>in der Liste der Szenarien: umbenennen, verschieben, löschen</translation>
  </message>
  <message>
   <source>in the list of tags: rename</source>
   <translation>in der Liste der Schlagwörter: umbenennen</translation>
  </message>
  <message>
   <source>look for new files</source>
   <translation>nach neuen Dateien suchen</translation>
  </message>
  <message>
   <source>mark as right, as wrong</source>
   <translation>als richtig, als falsch markieren</translation>
  </message>
  <message>
   <source>mark: right, wrong, none</source>
   <translation>markieren: richtig, falsch, gar nicht</translation>
  </message>
  <message>
   <source>more like this</source>
   <translation>Ähnliche suchen</translation>
  </message>
  <message>
   <source>move</source>
   <translation>bewegen</translation>
  </message>
  <message>
   <source>none of them</source>
   <translation>keines davon</translation>
  </message>
  <message>
   <source>open a folder</source>
   <translation>Ordner öffnen</translation>
  </message>
  <message>
   <source>or :far :left :ahead :right</source>
   <translation>oder :far (fern) :left (links) :ahead (voraus) :right (rechts)</translation>
  </message>
  <message>
   <source>play the drive</source>
   <translation>Fahrt abspielen</translation>
  </message>
  <message>
   <source>previous, next hit</source>
   <translation>voriger, nächster Treffer</translation>
  </message>
  <message>
   <source>quit</source>
   <translation>beenden</translation>
  </message>
  <message>
   <source>refine by right and wrong marks</source>
   <translation>mit richtig und falsch verfeinern</translation>
  </message>
  <message>
   <source>save the search as a scenario</source>
   <translation>Suche als Szenario speichern</translation>
  </message>
  <message>
   <source>search by an image in the clipboard</source>
   <translation>nach dem Bild in der Zwischenablage suchen</translation>
  </message>
  <message>
   <source>search within these results</source>
   <translation>in diesen Ergebnissen suchen</translation>
  </message>
  <message>
   <source>settings</source>
   <translation>Einstellungen</translation>
  </message>
  <message>
   <source>show in the file manager</source>
   <translation>im Dateimanager zeigen</translation>
  </message>
  <message>
   <source>show the frame large</source>
   <translation>Bild groß zeigen</translation>
  </message>
  <message>
   <source>size of the pictures</source>
   <translation>Größe der Bilder</translation>
  </message>
  <message>
   <source>so many, or = &lt;= and a number; a condition on what is seen</source>
   <translation>so viele, oder = &lt;= und eine Zahl; eine Bedingung an das, was zu sehen ist</translation>
  </message>
  <message>
   <source>tag the selected frames, or a whole event</source>
   <translation>den gewählten Bildern oder einem ganzen Ereignis Schlagwörter geben</translation>
  </message>
  <message>
   <source>this list</source>
   <translation>diese Liste</translation>
  </message>
  <message>
   <source>to the results; in the empty field: earlier queries</source>
   <translation>zu den Ergebnissen; im leeren Feld: frühere Anfragen</translation>
  </message>
  <message>
   <source>train a model</source>
   <translation>Modell trainieren</translation>
  </message>
  <message>
   <source>type a query</source>
   <translation>Anfrage eingeben</translation>
  </message>
  <message>
   <source>undo, redo: marks, scenarios, forgetting, clearing</source>
   <translation>rückgängig, wiederholen: Markierungen, Szenarien, Vergessen, Löschen</translation>
  </message>
  <message>
   <source>unfold or fold an event</source>
   <translation>Ereignis auf- oder zuklappen</translation>
  </message>
  <message>
   <source>whole pictures; drive and time on the cards</source>
   <translation>ganze Bilder; Fahrt und Zeit auf den Karten</translation>
  </message>
  <message>
   <source>with arrows or mouse: select several</source>
   <translation>mit Pfeilen oder Maus: mehrere auswählen</translation>
  </message>
  <message>
   <source>zoom in, out, fit, every pixel</source>
   <translation>größer, kleiner, einpassen, jeder Bildpunkt</translation>
  </message>
 </context>
 <context>
  <name>Side</name>
  <message>
   <source>Index now</source>
   <translation>Jetzt indizieren</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>Modell</translation>
  </message>
  <message>
   <source>{count} frames are not indexed with this model.</source>
   <translation>{count} Bilder sind mit diesem Modell nicht indiziert.</translation>
  </message>
 </context>
 <context>
  <name>Sidebar</name>
  <message>
   <source>Add a folder…</source>
   <translation>Ordner hinzufügen …</translation>
  </message>
  <message>
   <source>All frames</source>
   <translation>Alle Bilder</translation>
  </message>
  <message>
   <source>Close this folder</source>
   <translation>Diesen Ordner schließen</translation>
  </message>
  <message>
   <source>Close this table</source>
   <translation>Diese Tabelle schließen</translation>
  </message>
  <message>
   <source>Delete takes it off the list.</source>
   <translation>Entf nimmt den Eintrag aus der Liste.</translation>
  </message>
  <message>
   <source>FILTER</source>
   <translation>FILTER</translation>
  </message>
  <message>
   <source>FOLDERS</source>
   <translation>ORDNER</translation>
  </message>
  <message>
   <source>Folders and filters</source>
   <translation>Ordner und Filter</translation>
  </message>
  <message>
   <source>Forget its index</source>
   <translation>Index vergessen</translation>
  </message>
  <message>
   <source>Forget what was read of it</source>
   <translation>Vergessen, was von ihr gelesen wurde</translation>
  </message>
  <message>
   <source>It has moved…</source>
   <translation>Er liegt jetzt woanders …</translation>
  </message>
  <message>
   <source>OPENED BEFORE</source>
   <translation>ZULETZT GEÖFFNET</translation>
  </message>
  <message>
   <source>Open</source>
   <translation>Öffnen</translation>
  </message>
  <message>
   <source>SCENARIOS</source>
   <translation>SZENARIEN</translation>
  </message>
  <message>
   <source>Show in the file manager</source>
   <translation>Im Dateimanager zeigen</translation>
  </message>
  <message>
   <source>TAGS</source>
   <translation>SCHLAGWÖRTER</translation>
  </message>
  <message>
   <source>Take off this list</source>
   <translation>Aus der Liste nehmen</translation>
  </message>
  <message>
   <source>offline</source>
   <translation>offline</translation>
  </message>
 </context>
 <context>
  <name>SkippedDialog</name>
  <message>
   <source>1 file, of a format that is not read</source>
   <translation>1 Datei, deren Format nicht gelesen wird</translation>
  </message>
  <message>
   <source>1 image</source>
   <translation>1 Bild</translation>
  </message>
  <message>
   <source>1 recording; it is not read yet</source>
   <translation>1 Aufzeichnung; sie wird noch nicht gelesen</translation>
  </message>
  <message>
   <source>Copy the list</source>
   <translation>Liste kopieren</translation>
  </message>
  <message>
   <source>Skipped files</source>
   <translation>Ausgelassene Dateien</translation>
  </message>
  <message>
   <source>They are left alone, and tried again when they change.</source>
   <translation>Sie bleiben unberührt und werden erneut versucht, wenn sie sich ändern.</translation>
  </message>
  <message>
   <source>Try again now</source>
   <translation>Jetzt erneut versuchen</translation>
  </message>
  <message>
   <source>label pictures</source>
   <translation>Label-Bilder</translation>
  </message>
  <message>
   <source>more than {0} images</source>
   <translation>mehr als {0} Bilder</translation>
  </message>
  <message>
   <source>the application’s own data</source>
   <translation>eigene Daten der Anwendung</translation>
  </message>
  <message>
   <source>{0} file could not be used</source>
   <translation>{0} Datei war nicht brauchbar</translation>
  </message>
  <message>
   <source>{0} files could not be used</source>
   <translation>{0} Dateien waren nicht brauchbar</translation>
  </message>
  <message>
   <source>{0} files, of a format that is not read</source>
   <translation>{0} Dateien, deren Format nicht gelesen wird</translation>
  </message>
  <message>
   <source>{0} images</source>
   <translation>{0} Bildern</translation>
  </message>
  <message>
   <source>{0} left out by the rule “{1}”</source>
   <translation>{0} nach der Regel „{1}“ ausgelassen</translation>
  </message>
  <message>
   <source>{0} left out, by rules or for their format</source>
   <translation>{0} ausgelassen, nach Regeln oder wegen ihres Formats</translation>
  </message>
  <message>
   <source>{0} recordings; they are not read yet</source>
   <translation>{0} Aufzeichnungen; sie werden noch nicht gelesen</translation>
  </message>
  <message>
   <source>“c4t index --exclude-nothing” takes in what the rules leave out.</source>
   <translation>„c4t index --exclude-nothing“ nimmt auch auf, was die Regeln auslassen.</translation>
  </message>
 </context>
 <context>
  <name>SkippedModel</name>
  <message>
   <source>File</source>
   <translation>Datei</translation>
  </message>
  <message>
   <source>Reason</source>
   <translation>Grund</translation>
  </message>
 </context>
 <context>
  <name>StatusArea</name>
  <message>
   <source>Index what is new or changed (F5)</source>
   <translation>Neues und Geändertes indizieren (F5)</translation>
  </message>
  <message>
   <source>Indexing</source>
   <translation>Indizieren</translation>
  </message>
  <message>
   <source>Indexing {0}</source>
   <translation>{0} wird indiziert</translation>
  </message>
  <message>
   <source>Look for a newer version</source>
   <translation>Nach neuerer Version sehen</translation>
  </message>
  <message>
   <source>Look for new files</source>
   <translation>Nach neuen Dateien suchen</translation>
  </message>
  <message>
   <source>Looking through {0}…</source>
   <translation>{0} wird durchgesehen …</translation>
  </message>
  <message>
   <source>Opening {0}…</source>
   <translation>{0} wird geöffnet …</translation>
  </message>
  <message>
   <source>Pause</source>
   <translation>Pause</translation>
  </message>
  <message>
   <source>Read what is new in the table</source>
   <translation>Lesen, was in der Tabelle neu ist</translation>
  </message>
  <message>
   <source>Read what is new in the table (F5)</source>
   <translation>Lesen, was in der Tabelle neu ist (F5)</translation>
  </message>
  <message>
   <source>Reading the table</source>
   <translation>Tabelle wird gelesen</translation>
  </message>
  <message>
   <source>Reading {0}</source>
   <translation>{0} wird gelesen</translation>
  </message>
  <message>
   <source>Resume</source>
   <translation>Fortsetzen</translation>
  </message>
  <message>
   <source>Stop</source>
   <translation>Anhalten</translation>
  </message>
  <message>
   <source>Stop indexing; what is done is kept</source>
   <translation>Indizieren anhalten; was fertig ist, bleibt</translation>
  </message>
  <message>
   <source>Stop; undo takes back what is changed by then</source>
   <translation>Anhalten; Rückgängig nimmt zurück, was bis dahin geändert ist</translation>
  </message>
  <message>
   <source>Stopped after {0} of {1} frames; undo takes them back.</source>
   <translation>Nach {0} von {1} Bildern angehalten; Rückgängig nimmt sie zurück.</translation>
  </message>
  <message>
   <source>Switch to it</source>
   <translation>Zu ihr wechseln</translation>
  </message>
  <message>
   <source>Undo</source>
   <translation>Rückgängig</translation>
  </message>
  <message>
   <source>Update the index: {0} of {1}</source>
   <translation>Index aktualisieren: {0} von {1}</translation>
  </message>
  <message>
   <source>a newer version of the table is there</source>
   <translation>eine neuere Version der Tabelle ist da</translation>
  </message>
  <message>
   <source>indexed by the earlier model</source>
   <translation>vom früheren Modell indiziert</translation>
  </message>
  <message>
   <source>paused</source>
   <translation>angehalten</translation>
  </message>
  <message>
   <source>{0} file skipped</source>
   <translation>{0} Datei ausgelassen</translation>
  </message>
  <message>
   <source>{0} files skipped</source>
   <translation>{0} Dateien ausgelassen</translation>
  </message>
  <message>
   <source>{0} frame</source>
   <translation>{0} Bild</translation>
  </message>
  <message>
   <source>{0} frame added.</source>
   <translation>{0} Bild hinzugefügt.</translation>
  </message>
  <message>
   <source>{0} frames</source>
   <translation>{0} Bilder</translation>
  </message>
  <message>
   <source>{0} frames added.</source>
   <translation>{0} Bilder hinzugefügt.</translation>
  </message>
  <message>
   <source>{0} img/s</source>
   <translation>{0} Bilder/s</translation>
  </message>
  <message>
   <source>{0} left</source>
   <translation>noch {0}</translation>
  </message>
  <message>
   <source>{0} left out</source>
   <translation>{0} außen vor</translation>
  </message>
  <message>
   <source>{0} of {1}</source>
   <translation>{0} von {1}</translation>
  </message>
  <message>
   <source>{0} of {1} frames ready to search</source>
   <translation>{0} von {1} Bildern durchsuchbar</translation>
  </message>
  <message>
   <source>{0} offline</source>
   <translation>{0} offline</translation>
  </message>
  <message>
   <source>{0} ready to search</source>
   <translation>{0} durchsuchbar</translation>
  </message>
 </context>
 <context>
  <name>StorageSection</name>
  <message>
   <source>Clean</source>
   <translation>Aufräumen</translation>
  </message>
  <message>
   <source>Clean the index</source>
   <translation>Index aufräumen</translation>
  </message>
  <message>
   <source>Clean the index? About {0} are given back.</source>
   <translation>Index aufräumen? Etwa {0} werden freigegeben.</translation>
  </message>
  <message>
   <source>Copies of pictures at addresses; fetched again when they are looked at.</source>
   <translation>Kopien von Bildern an Adressen; neu geholt, wenn sie angesehen werden.</translation>
  </message>
  <message>
   <source>Fetched pictures</source>
   <translation>Geholte Bilder</translation>
  </message>
  <message>
   <source>Index</source>
   <translation>Index</translation>
  </message>
  <message>
   <source>Made again from the index when they are needed.</source>
   <translation>Werden bei Bedarf aus dem Index neu gemacht.</translation>
  </message>
  <message>
   <source>Made again when a picture is shown.</source>
   <translation>Werden neu gemacht, wenn ein Bild gezeigt wird.</translation>
  </message>
  <message>
   <source>Remove thumbnails</source>
   <translation>Vorschaubilder entfernen</translation>
  </message>
  <message>
   <source>Search structures</source>
   <translation>Suchstrukturen</translation>
  </message>
  <message>
   <source>There is nothing to clean: the index holds only what it needs.</source>
   <translation>Es gibt nichts aufzuräumen: Der Index enthält nur, was er braucht.</translation>
  </message>
  <message>
   <source>Thumbnails</source>
   <translation>Vorschaubilder</translation>
  </message>
  <message>
   <source>What is known of each frame, and its vector for each model.</source>
   <translation>Was über jedes Bild bekannt ist, und sein Vektor für jedes Modell.</translation>
  </message>
  <message>
   <source>Your pictures, marks, tags and saved searches stay.</source>
   <translation>Bilder, Markierungen, Schlagwörter und gespeicherte Suchen bleiben.</translation>
  </message>
  <message>
   <source>copies of {0} pictures at addresses, fetched again at need</source>
   <translation>Kopien von {0} Bildern an Adressen, bei Bedarf neu geholt</translation>
  </message>
  <message>
   <source>copy of {0} picture at an address, fetched again at need</source>
   <translation>Kopie von {0} Bild an einer Adresse, bei Bedarf neu geholt</translation>
  </message>
  <message>
   <source>damaged indexes that were set aside</source>
   <translation>beschädigte Indexe, die beiseitegelegt wurden</translation>
  </message>
  <message>
   <source>no folder is open</source>
   <translation>kein Ordner offen</translation>
  </message>
  <message>
   <source>room of frames that are gone or changed</source>
   <translation>Platz von Frames, die weg oder geändert sind</translation>
  </message>
  <message>
   <source>vectors of {0} frame, replaced by newer ones</source>
   <translation>Vektoren von {0} Frame, durch neuere ersetzt</translation>
  </message>
  <message>
   <source>vectors of {0} frames, replaced by newer ones</source>
   <translation>Vektoren von {0} Frames, durch neuere ersetzt</translation>
  </message>
  <message>
   <source>{0} file for searching, made again at need</source>
   <translation>{0} Datei zum Suchen, bei Bedarf neu gemacht</translation>
  </message>
  <message>
   <source>{0} files for searching, made again at need</source>
   <translation>{0} Dateien zum Suchen, bei Bedarf neu gemacht</translation>
  </message>
  <message>
   <source>{0} given back.</source>
   <translation>{0} freigegeben.</translation>
  </message>
 </context>
 <context>
  <name>TagBook</name>
  <message>
   <source>rename “{0}”</source>
   <translation>„{0}“ umbenennen</translation>
  </message>
  <message>
   <source>tag {0}</source>
   <translation>Schlagwort {0}</translation>
  </message>
  <message>
   <source>take away {0}</source>
   <translation>{0} wegnehmen</translation>
  </message>
  <message>
   <source>{0} was taken away.</source>
   <translation>{0} wurde weggenommen.</translation>
  </message>
  <message>
   <source>“{0}” and “{1}” are one tag now.</source>
   <translation>„{0}“ und „{1}“ sind jetzt ein Schlagwort.</translation>
  </message>
 </context>
 <context>
  <name>TagDialog</name>
  <message>
   <source>ON THESE FRAMES</source>
   <translation>AN DIESEN BILDERN</translation>
  </message>
  <message>
   <source>Tag</source>
   <translation>Vergeben</translation>
  </message>
  <message>
   <source>Tag the selected frames</source>
   <translation>Schlagwörter für die gewählten Bilder</translation>
  </message>
  <message>
   <source>Tag {0} frame</source>
   <translation>Schlagwörter für {0} Bild</translation>
  </message>
  <message>
   <source>Tag {0} frames</source>
   <translation>Schlagwörter für {0} Bilder</translation>
  </message>
  <message>
   <source>Tags</source>
   <translation>Schlagwörter</translation>
  </message>
  <message>
   <source>The cross or Delete takes it away from these.</source>
   <translation>Das Kreuz oder Entf nimmt es von diesen weg.</translation>
  </message>
  <message>
   <source>such as rain, to label; a comma parts two</source>
   <translation>etwa Regen, labeln; ein Komma trennt zwei</translation>
  </message>
 </context>
 <context>
  <name>TagSection</name>
  <message>
   <source>On all frames that have it, in folders that are closed too, and in scenarios.</source>
   <translation>An allen Bildern, die es haben, auch in geschlossenen Ordnern, und in Szenarien.</translation>
  </message>
  <message>
   <source>Only frames with this tag; of several, with all of them; F2 renames it</source>
   <translation>Nur Bilder mit diesem Schlagwort; bei mehreren mit allen; F2 benennt es um</translation>
  </message>
  <message>
   <source>Rename the tag</source>
   <translation>Das Schlagwort umbenennen</translation>
  </message>
  <message>
   <source>Rename…</source>
   <translation>Umbenennen…</translation>
  </message>
  <message>
   <source>There is a tag of this name; the two become one.</source>
   <translation>Ein Schlagwort dieses Namens gibt es schon; die beiden werden eins.</translation>
  </message>
  <message>
   <source>show all {0}</source>
   <translation>alle {0} zeigen</translation>
  </message>
  <message>
   <source>show fewer</source>
   <translation>weniger zeigen</translation>
  </message>
 </context>
 <context>
  <name>ThresholdSlider</name>
  <message>
   <source>How the scores of all frames spread; the coloured ones are shown. Drag the line to show more or fewer; double-click for the automatic cut.</source>
   <translation>Wie sich die Bewertungen aller Bilder verteilen; die farbigen werden gezeigt. Ziehen Sie die Linie, um mehr oder weniger zu zeigen; Doppelklick für die automatische Schwelle.</translation>
  </message>
  <message>
   <source>Least score shown</source>
   <translation>Kleinster gezeigter Wert</translation>
  </message>
  <message>
   <source>everything</source>
   <translation>alles</translation>
  </message>
 </context>
 <context>
  <name>Thumbnails</name>
  <message>
   <source>not there now</source>
   <translation>gerade nicht da</translation>
  </message>
 </context>
 <context>
  <name>TopBar</name>
  <message>
   <source>Choose a folder</source>
   <translation>Ordner wählen</translation>
  </message>
  <message>
   <source>Choose a folder (Ctrl+O)</source>
   <translation>Ordner wählen (Strg+O)</translation>
  </message>
  <message>
   <source>Folder: {0}</source>
   <translation>Ordner: {0}</translation>
  </message>
  <message>
   <source>Menu</source>
   <translation>Menü</translation>
  </message>
 </context>
 <context>
  <name>TrainingProcess</name>
  <message>
   <source>Python cannot be started for the training; install C4T again.</source>
   <translation>Python lässt sich für das Training nicht starten; C4T neu installieren.</translation>
  </message>
  <message>
   <source>The training cannot be handed over ({reason}); free some space, try again.</source>
   <translation>Das Training lässt sich nicht übergeben ({reason}); Platz schaffen und neu versuchen.</translation>
  </message>
  <message>
   <source>Training was ended from outside; start it again to go on from its last checkpoint.</source>
   <translation>Das Training wurde von außen beendet; neu starten, um am letzten Zwischenstand weiterzumachen.</translation>
  </message>
 </context>
 <context>
  <name>TrainingWizard</name>
  <message>
   <source>1  Pairs</source>
   <translation>1  Paare</translation>
  </message>
  <message>
   <source>2  Model</source>
   <translation>2  Modell</translation>
  </message>
  <message>
   <source>3  Training</source>
   <translation>3  Training</translation>
  </message>
  <message>
   <source>4  Result</source>
   <translation>4  Ergebnis</translation>
  </message>
  <message>
   <source>A training is going on; wait for its end, or cancel it.</source>
   <translation>Ein Training läuft; warten Sie sein Ende ab oder brechen Sie es ab.</translation>
  </message>
  <message>
   <source>Back</source>
   <translation>Zurück</translation>
  </message>
  <message>
   <source>Next</source>
   <translation>Weiter</translation>
  </message>
  <message>
   <source>Start training</source>
   <translation>Training starten</translation>
  </message>
  <message>
   <source>Train a model</source>
   <translation>Modell trainieren</translation>
  </message>
  <message>
   <source>Train another</source>
   <translation>Weiteres trainieren</translation>
  </message>
 </context>
 <context>
  <name>Viewer</name>
  <message>
   <source>Back to the results (Esc)</source>
   <translation>Zurück zu den Ergebnissen (Esc)</translation>
  </message>
  <message>
   <source>Earlier in time (,)</source>
   <translation>Früher (,)</translation>
  </message>
  <message>
   <source>Fit the space (0)</source>
   <translation>Einpassen (0)</translation>
  </message>
  <message>
   <source>Later in time (.)</source>
   <translation>Später (.)</translation>
  </message>
  <message>
   <source>Neighbours in time</source>
   <translation>Zeitliche Nachbarn</translation>
  </message>
  <message>
   <source>Play the drive from here (P)</source>
   <translation>Fahrt ab hier abspielen (P)</translation>
  </message>
  <message>
   <source>Show every pixel (1)</source>
   <translation>Jeden Bildpunkt zeigen (1)</translation>
  </message>
 </context>
</TS>
